"""The header of every page: the theme, the state of the connection, the account menu."""

import re

import pytest
from playwright.sync_api import expect

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


def test_the_state_says_live_then_offline_since_when_then_live_again(page, serve):
    with serve("uvicorn") as server:
        page.goto(f"{server.url}/dashboard/")
        state = page.locator("#live")
        expect(state).to_have_text("Live")
        expect(page.locator("#dashboard-state")).to_contain_text("Newest", timeout=15_000)
        server.kill()
        expect(state).to_have_text(re.compile(r"^Offline, last update \d\d:\d\d:\d\d$"))
        server.restart()
        expect(state).to_have_text("Live", timeout=30_000)


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


def test_the_account_menu_works_with_the_keyboard_and_logs_out(page, site):
    page.goto(f"{site.url}/accounts/login/?next=/accounts/password/done/")
    page.fill("[name=username]", "grace")
    page.fill("[name=password]", "demo")
    page.keyboard.press("Enter")
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


def test_the_skip_link_is_first_and_leads_to_the_content(page, site):
    page.goto(f"{site.url}/accounts/reset/done/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    skip.press("Enter")
    expect(page.locator("main")).to_be_focused()
