"""The header at other widths, without scripts, and while the server is busy."""

import re
import time

import pytest
from playwright.sync_api import expect

SHOW_STATE = """(detail) => {
  const stream = document.createElement("div");
  document.body.append(stream);
  stream.dispatchEvent(new CustomEvent("sse:state", {bubbles: true, detail}));
}"""

RECORD_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { sources } of list.getEntries()) shifts.push(sources.map(({ node }) => node?.className));
  }).observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.soak  # Chromium may paint half of the header while other programs keep the cores busy.
@pytest.mark.only_browser("chromium")  # Firefox reports no layout shifts
def test_the_header_does_not_move_while_a_style_sheet_loads(log_in):
    page = log_in("admin", "/accounts/password/change/", 1440)
    page.add_init_script(RECORD_SHIFTS)
    page.route("**/notifications.css", lambda route: (time.sleep(0.3), route.continue_()))
    page.reload()
    expect(page.locator("#live")).to_have_text("Live")
    assert page.evaluate("shifts") == []


def test_the_theme_is_set_before_the_first_paint(page, site):
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.add_init_script(
        "new MutationObserver((_, observer) => {"
        "  if (!document.body) return;"
        "  window.themeAtFirst = document.documentElement.dataset.theme; observer.disconnect();"
        "}).observe(document, {childList: true, subtree: true});"
    )
    page.goto(f"{site.url}/accounts/signup/")
    assert page.evaluate("themeAtFirst") == "dark"


def test_try_again_now_shows_the_seconds_that_the_server_asked_for_and_tries_at_once(page, site):
    busy = {"status": 503, "headers": {"Retry-After": "60"}}
    page.route("**/stream/", lambda route: route.fulfill(**busy))
    page.goto(f"{site.url}/dashboard/system/")
    expect(page.locator("#live")).to_have_text("Offline")
    button = page.get_by_role("button", name="Try again now")
    expect(button).to_have_text(re.compile(r"^Try again now \(6\d s\)$"))
    page.unroute("**/stream/")
    button.click()
    expect(page.locator("#live")).to_have_text("Live")
    expect(button).to_be_hidden()


def test_without_javascript_the_menu_of_a_phone_opens(log_in):
    page = log_in("admin", "/accounts/password/change/", 360, java_script_enabled=False)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main").get_by_role("link").first.click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def test_on_a_phone_the_header_is_one_row_with_a_dot_and_an_offline_page_shows_a_bar(log_in):
    page = log_in("admin", "/notifications/", 320)
    parts = page.locator(".site-header > div > :is(button, a, .live-dot, .account)").all()
    middles = [box["y"] + box["height"] / 2 for part in parts if (box := part.bounding_box())]
    assert len(middles) == 6
    assert max(middles) - min(middles) < 2
    state = page.locator("#live")
    expect(page.locator(".live-dot")).to_have_attribute("data-state", "connected")
    page.get_by_role("button", name="Menu").click()
    expect(page.locator(".site-nav .live")).to_have_text("Live")
    page.keyboard.press("Escape")
    page.evaluate("document.querySelectorAll('[dj-sse]').forEach((each) => each._djustSSE.disconnect('network'))")
    expect(state).to_have_text("Offline")
    expect(state).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Try again now")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [960, 1440])
def test_on_wide_screens_the_navigation_is_a_row_of_links(log_in, width):
    page = log_in("admin", "/accounts/password/change/", width)
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    tops = {link.bounding_box()["y"] for link in links.all()}
    assert len(tops) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_skip_link_is_first_and_leads_to_the_content(page, site):
    page.goto(f"{site.url}/accounts/password/reset/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    skip.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_header_shows_the_worst_state_of_all_streams_except_finished_ones(page, site):
    page.goto(f"{site.url}/accounts/login/")
    state = page.locator("#live")
    expect(state).to_have_text("")
    page.evaluate(SHOW_STATE, {"state": "disconnected", "reason": "finished"})
    expect(state).to_have_text("")
    for each, words in (("connected", "Live"), ("connecting", "Connecting…"), ("reconnecting", "Offline")):
        page.evaluate(SHOW_STATE, {"state": each})
        expect(state).to_have_text(words)
