"""The bars of Activity have the contrast that WCAG 1.4.11 asks of graphics."""

import pytest

RATIOS = """() => {
  const pixel = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d')
  const luminance = (color) => {
    pixel.fillStyle = color
    pixel.fillRect(0, 0, 1, 1)
    const linear = [...pixel.getImageData(0, 0, 1, 1).data].map((each) =>
      each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }
  const style = (selector) => getComputedStyle(document.querySelector(selector))
  const pairs = [
    [style('path.is-before').fill, style('.card').backgroundColor],
    [style('path.is-now').fill, style('path.is-now').stroke],
    [style('path.is-now').stroke, style('path.is-before').fill],
    [style('i.is-before').backgroundColor, style('body').backgroundColor],
  ]
  return pairs.map((pair) => {
    const [dark, light] = pair.map(luminance).sort((one, other) => one - other)
    return (light + 0.05) / (dark + 0.05)
  })
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_stand_out_from_the_card_and_from_each_other(site, browser, theme):
    with browser.new_context(base_url=site.url, color_scheme=theme) as context:
        page = context.new_page()
        page.goto("/dashboard/")
        ratios = page.evaluate(RATIOS)
    assert len(ratios) == 4
    assert min(ratios) >= 3, ratios
