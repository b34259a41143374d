"""The admin's page of open streams, with two workers."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser import people

PAGE = "/admin/sse/openstream/"
VIEW = "apps.dashboard.views.StatsStream"
COUNT = """
addEventListener('sse:state', ({detail, target}) => {
  if (detail.state === 'connected' && target.id === 'dashboard') window.opened = (window.opened ?? 0) + 1
})
"""


@pytest.fixture
def running(serve):
    with serve("uvicorn with two workers") as server:
        yield server


@pytest.fixture
def visitor(running, browser):
    """Open a browser of one user, logged in or not: `visitor("ada").goto("/feed/")`."""
    with people.browsers(browser, running.url) as open_browser:

        def open_as(username=""):
            page = open_browser()
            if username:
                people.log_in(page, username)
            return page

        yield open_as


@pytest.fixture
def dashboard(visitor):
    """Open a dashboard, wait for its stream, and count its connections."""

    def show(username=""):
        page = visitor(username)
        page.add_init_script(COUNT)
        page.goto("/dashboard/system/")
        page.wait_for_function("() => window.opened")
        return page

    return show


@pytest.fixture
def staff(visitor):
    """The page of open streams."""
    page = visitor("admin")
    page.goto(PAGE)
    return page


def expect_shown(staff, text):
    """Wait until the page shows this, a regular expression, without a reload."""
    pattern = re.compile(text, re.DOTALL)
    expect(staff.locator("#content-main")).to_contain_text(pattern, use_inner_text=True, timeout=20_000)


def test_staff_sees_streams_of_both_workers_and_a_button_ends_those_of_a_user(staff, dashboard):
    expect_shown(staff, "1 stream is open")
    staff.evaluate("() => { window.isSamePage = true }")
    ada, guest = dashboard("ada"), dashboard()
    dashboard("grace")
    expect_shown(staff, rf"1 of them by a visitor.*\nada\s.*{VIEW}.*\ngrace\s.*{VIEW}")
    assert staff.evaluate("() => window.isSamePage")
    seen = {page: page.evaluate("() => window.opened") for page in (ada, guest)}

    staff.get_by_role("button", name="End the streams of ada").click()
    expect(staff.locator(".messagelist")).to_contain_text("Streams of “ada” ended.")
    ada.wait_for_function("(seen) => window.opened > seen", arg=seen[ada])
    assert guest.evaluate("() => window.opened") == seen[guest]
    expect_shown(staff, rf"\nada\s.*{VIEW}.*\ngrace\s.*{VIEW}")
    assert staff.problems == []


def test_the_streams_of_a_view_are_ended_after_confirmation_by_keyboard(staff, dashboard):
    pages = [dashboard(), dashboard()]
    expect_shown(staff, "3 streams are open")
    seen = [page.evaluate("() => window.opened") for page in pages]

    staff.locator(f"summary[aria-label*='{VIEW}']").focus()
    staff.keyboard.press("Enter")
    expect(staff.get_by_role("button", name="Yes, end them")).to_be_visible()
    assert [page.evaluate("() => window.opened") for page in pages] == seen
    staff.keyboard.press("Tab")
    staff.keyboard.press("Enter")
    expect(staff.locator(".messagelist")).to_contain_text(VIEW)
    for page, before in zip(pages, seen, strict=True):
        page.wait_for_function("(seen) => window.opened > seen", arg=before)
    assert staff.problems == []


def test_an_open_confirmation_stays_with_its_view_when_the_rows_change_places(staff, dashboard, visitor):
    dashboard()
    expect_shown(staff, VIEW)
    staff.locator(f"summary[aria-label*='{VIEW}']").click()
    for name in ("ada", "grace", "admin"):
        visitor(name).goto("/feed/")
    expect_shown(staff, r"FeedStream\s+3")
    expect(staff.locator("form:has(details[open]) input[name=view]")).to_have_value(VIEW)


def test_the_page_is_accessible_at_each_width_in_light_and_dark_and_shows_when_it_is_offline(
    running, staff, dashboard
):
    dashboard("ada")
    expect_shown(staff, "By user|BY USER")
    for theme in ("light", "dark"):
        staff.emulate_media(color_scheme=theme)
        for width in (320, 360, 1440):
            staff.set_viewport_size({"width": width, "height": 800})
            assert staff.evaluate("() => document.documentElement.scrollWidth") <= width
        found = Axe().run(staff, context="#content-main", options={"runOnly": ["wcag2a", "wcag2aa"]})
        assert found.violations_count == 0, found.generate_report()
    expect(staff.get_by_role("alert")).to_have_count(0)
    running.kill()
    expect(staff.get_by_role("alert")).to_contain_text("Offline", timeout=20_000)
