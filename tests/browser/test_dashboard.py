"""The dashboard as someone sees it who leaves it open."""

import re

import pytest
from playwright.sync_api import expect

RECORD = """
addEventListener('sse:data', ({detail}) => (window.points ??= []).push(detail.data))
"""
PIXELS = "() => [...document.querySelectorAll('.plot canvas')].map((canvas) => canvas.toDataURL())"


@pytest.fixture
def dashboard(site, page):
    """The page, live, with the points that it got in `window.points`."""
    page.set_default_timeout(15_000)
    page.add_init_script(RECORD)
    page.goto(f"{site.url}/dashboard/")
    page.wait_for_function("() => window.points?.length >= 1")
    return page


def next_point(page):
    count = page.evaluate("() => points.length")
    page.wait_for_function("(count) => points.length > count", arg=count)


def test_the_page_is_live_and_complains_of_nothing(dashboard, complaints):
    expect(dashboard.locator("#dashboard-state")).to_contain_text("Newest")
    before, pictures = dashboard.inner_text("#dashboard-state"), dashboard.evaluate(PIXELS)
    next_point(dashboard)
    assert dashboard.inner_text("#dashboard-state") != before
    assert len(pictures) == 10
    assert dashboard.evaluate(PIXELS)[9] != pictures[9], "the chart of the memory has moved"
    assert complaints == []


def test_requests_are_seen_soon_after_they_were_made(site, dashboard):
    for _ in range(30):
        dashboard.request.get(f"{site.url}/accounts/login/")
    dashboard.wait_for_function("() => points.reduce((sum, point) => sum + 3 * point.requests, 0) >= 30")
    shown, point = dashboard.evaluate(
        "() => [document.querySelector('[dj-sse-field=requests]').textContent, points.at(-1)]"
    )
    assert float(shown.replace(",", "")) == pytest.approx(point["requests"], abs=0.06)
    assert re.fullmatch(r"[\d,]+\.\d", dashboard.inner_text("[dj-sse-field=median]"))
    assert point["streams"] >= 1


def test_the_pointer_reads_all_charts_at_one_time(dashboard):
    next_point(dashboard)
    plot = dashboard.locator(".u-over").first.bounding_box()
    dashboard.mouse.move(plot["x"] + plot["width"] - 1, plot["y"] + plot["height"] / 2)
    expect(dashboard.locator(".readout").first).to_contain_text("per second")
    times = {text.split(" · ")[0] for text in dashboard.locator(".readout").all_inner_texts()}
    assert len(times) == 1
    dashboard.mouse.move(0, 0)
    expect(dashboard.locator(".readout").first).to_be_empty()


def test_the_table_has_the_newest_numbers_first_and_goes_on(dashboard):
    rows = dashboard.locator("#dashboard-table tbody tr")
    expect(rows).to_have_count(0)
    dashboard.get_by_text("The same numbers as a table").click()
    expect(rows.first).to_be_visible()
    newest = rows.first.inner_text()
    next_point(dashboard)
    assert newest in rows.all_inner_texts()[1:]
    assert dashboard.evaluate(
        "() => document.querySelector('tbody td').textContent === document.querySelector('.chart b').textContent"
    )


def test_charts_are_drawn_again_when_the_theme_changes(dashboard):
    next_point(dashboard)
    light = dashboard.evaluate(PIXELS)
    dashboard.evaluate("() => { document.documentElement.dataset.theme = 'dark' }")
    dashboard.wait_for_function(f"(light) => ({PIXELS})()[9] !== light[9]", arg=light, timeout=1500)


def test_charts_are_as_wide_as_their_cards(dashboard):
    for width in (360, 1440, 800):
        dashboard.set_viewport_size({"width": width, "height": 900})
        dashboard.wait_for_function(
            "() => [...document.querySelectorAll('.plot')].every((p) => p.clientWidth === p.firstChild.clientWidth)"
        )


def test_numbers_of_any_size_fit_the_narrowest_phone(dashboard):
    dashboard.set_viewport_size({"width": 320, "height": 800})
    dashboard.evaluate(
        "() => document.querySelectorAll('.stat-value b').forEach((b) => { b.textContent = '123,456.7' })"
    )
    assert dashboard.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_numbers_that_stand_still_look_and_say_so(dashboard):
    figure, state = dashboard.locator(".stat-value").first, dashboard.locator("#dashboard-state")
    colour = figure.evaluate("(element) => getComputedStyle(element).color")
    dashboard.evaluate("() => dashboard._djustSSE.disconnect()")
    expect(state).to_contain_text("The connection is lost. These are the numbers of")
    expect(figure).not_to_have_css("color", colour)
    seen = dashboard.evaluate("() => points.at(-1).time")
    dashboard.wait_for_function("(seen) => Date.now() / 1000 > seen + 12", arg=seen)
    dashboard.evaluate("() => dashboard._djustSSE.connect()")
    expect(state).to_contain_text("Newest")
    next_point(dashboard)
    times = dashboard.evaluate("() => points.map((point) => point.time)")
    assert times == list(range(times[0], times[-1] + 3, 3)), f"none of those missed after {seen} is missing"
    expect(figure).to_have_css("color", colour)


def test_nothing_moves_for_those_who_prefer_that(site, page):
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{site.url}/dashboard/")
    page.evaluate("() => document.querySelector('.stat-value b').classList.add('is-fresh')")
    assert page.evaluate("() => document.getAnimations().length") == 0
