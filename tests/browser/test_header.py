"""The header of every page: the theme, the state of the connection, the menus."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import people

THEME = "document.documentElement.dataset.theme"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def test_the_theme_is_kept_and_there_before_the_page_is_drawn(page, site):
    page.emulate_media(color_scheme="light")
    page.goto(f"{site.url}/accounts/login/")
    light = page.evaluate(BACKGROUND)
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    dark = page.evaluate(BACKGROUND)
    assert dark != light

    page.add_init_script(
        "new MutationObserver((_, observer) => {"
        "  if (!document.body) return;"
        f"  window.themeAtFirst = {THEME}; observer.disconnect();"
        "}).observe(document, {childList: true, subtree: true});"
    )
    page.goto(f"{site.url}/accounts/signup/")
    assert page.evaluate("themeAtFirst") == "dark"
    assert page.evaluate(BACKGROUND) == dark


def test_the_system_theme_is_followed_until_another_is_chosen(page, site):
    page.emulate_media(color_scheme="light")
    page.goto(f"{site.url}/accounts/login/")
    light = page.evaluate(BACKGROUND)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(BACKGROUND) != light


def test_a_page_without_a_stream_shows_no_state(page, site):
    page.goto(f"{site.url}/accounts/login/")
    expect(page.locator("#live")).to_have_text("")


def test_try_again_now_shows_the_seconds_that_the_server_asked_for_and_tries_at_once(page, site):
    busy = {"status": 503, "headers": {"Retry-After": "60"}}
    page.route("**/stream/", lambda route: route.fulfill(**busy))
    page.goto(f"{site.url}/dashboard/")
    expect(page.locator("#live")).to_have_text("Offline")
    button = page.get_by_role("button", name="Try again now")
    expect(button).to_have_text(re.compile(r"^Try again now \(6\d s\)$"))
    page.unroute("**/stream/")
    button.click()
    expect(page.locator("#live")).to_have_text("Live")
    expect(button).to_be_hidden()


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["connecting"], "Connecting…"),
        (["connected"], "Live"),
        (["connected", "connecting"], "Connecting…"),
        (["connected", "reconnecting"], "Offline"),
        (["connected", "disconnected"], "Offline"),
    ],
)
def test_the_state_is_the_worst_of_all_streams(page, site, states, words):
    page.goto(f"{site.url}/accounts/login/")
    for state in states:
        page.evaluate(TELL, {"state": state})
    expect(page.locator("#live")).to_have_text(words)


def test_a_stream_that_is_finished_is_not_offline(page, site):
    page.goto(f"{site.url}/accounts/login/")
    page.evaluate(TELL, {"state": "disconnected", "reason": "finished"})
    expect(page.locator("#live")).to_have_text("")
    page.evaluate(TELL, {"state": "connected"})
    expect(page.locator("#live")).to_have_text("Live")


TELL = """(detail) => {
  const stream = document.createElement("div");
  document.body.append(stream);
  stream.dispatchEvent(new CustomEvent("sse:state", {bubbles: true, detail}));
}"""


@pytest.fixture
def show(site, browser):
    """Open a page in a browser of its own, as a demo user: `show("grace", "/", width=360)`."""
    with people.browsers(browser, site.url) as open_browser:

        def log_in(username, address, width=1440, **options):
            page = open_browser(viewport={"width": width, "height": 800}, **options)
            people.log_in(page, username, address)
            return page

        yield log_in


def test_the_account_menu_works_with_the_keyboard_and_logs_out(show):
    page = show("grace", "/accounts/password/")
    button = page.get_by_role("button", name="Account: grace")
    menu = page.locator("#account-menu")
    button.press("Enter")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    button.press("Enter")
    page.get_by_role("button", name="Log out").press("Enter")
    expect(page.get_by_role("banner").get_by_role("link", name="Log in")).to_be_visible()


@pytest.mark.parametrize("width", [320, 360])
def test_on_a_phone_the_whole_navigation_is_in_a_menu_that_fits_and_works_with_the_keyboard(show, width):
    page = show("admin", "/accounts/password/", width)
    button, menu = page.get_by_role("button", name="Menu"), page.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()
    button.press("Enter")
    expect(menu).to_be_visible()
    for link in menu.get_by_role("link").all():
        expect(link).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert menu.evaluate("(menu) => menu.scrollWidth <= menu.clientWidth")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    button.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".site-nav a").first).to_have_attribute("aria-current", "page")
    assert page.problems == []


def test_without_javascript_the_menu_of_a_phone_opens(show):
    page = show("admin", "/accounts/password/", 360, java_script_enabled=False)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main").get_by_role("link").first.click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def test_on_a_phone_the_header_is_one_row_with_a_dot_and_while_offline_a_bar_says_so(show):
    page = show("admin", "/notifications/", 320)
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
def test_where_there_is_room_the_navigation_is_a_row_of_links(show, width):
    page = show("admin", "/accounts/password/", width)
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    tops = {link.bounding_box()["y"] for link in links.all()}
    assert len(tops) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_skip_link_is_first_and_leads_to_the_content(page, site):
    page.goto(f"{site.url}/accounts/reset/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    skip.press("Enter")
    expect(page.locator("main")).to_be_focused()
