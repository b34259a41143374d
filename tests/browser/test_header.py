"""The header of every page: theme, connection state, menus."""

import pytest
from playwright.sync_api import expect

from tests.browser import people

BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def log_in(site, browser):
    """Open a page in a new browser as a demo user: `log_in("grace", "/", width=360)`."""
    with people.browsers(browser, site.url) as open_browser:

        def open_page(username, address, width=1440, **options):
            page = open_browser(viewport={"width": width, "height": 800}, **options)
            people.log_in(page, username, address)
            return page

        yield open_page


def test_the_theme_follows_the_system_until_another_is_chosen_and_saved(page, site):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{site.url}/accounts/login/")
    dark = page.evaluate(BACKGROUND)
    page.emulate_media(color_scheme="light")
    assert page.evaluate(BACKGROUND) != dark
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    page.goto(f"{site.url}/accounts/signup/")
    assert page.evaluate(BACKGROUND) == dark


def test_the_account_menu_works_with_the_keyboard_and_logs_out(log_in):
    page = log_in("grace", "/accounts/password/change/")
    button = page.get_by_role("button", name="Account: grace")
    menu = page.locator("#account-menu")
    button.press("Enter")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    button.press("Enter")
    page.get_by_role("button", name="Sign out").press("Enter")
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()


def test_on_a_phone_the_navigation_is_a_menu_that_fits_and_works_with_the_keyboard(log_in):
    page = log_in("admin", "/accounts/password/change/", 320)
    button, menu = page.get_by_role("button", name="Menu"), page.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()
    button.press("Enter")
    for link in menu.get_by_role("link").all():
        expect(link).to_be_in_viewport(ratio=1)
    assert menu.evaluate("(menu) => menu.scrollWidth <= menu.clientWidth")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    button.press("Enter")
    first = menu.get_by_role("link").first.get_attribute("href")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(first)
    assert page.problems == []
