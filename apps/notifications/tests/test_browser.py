"""Notifications in several tabs, with and without JavaScript."""

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

MAX_DELAY_MS = 1000
ROWS = ".notification:visible"
SHELL = """
import sys
from apps.accounts.models import User
from apps.notifications.notify import notify
ada, grace = (User.objects.get(username=name) for name in ("ada", "grace"))
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def python(site):
    """Run a line of code in another process of the site."""
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", SHELL]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=servers.ROOT, env=site.environment, **pipes) as process:

        def run(line):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        yield run
        process.stdin.close()


@pytest.fixture
def notify(python):
    """Notify ada: `notify("mentioned you")`; `only=True` deletes earlier notifications first."""

    def send(*verbs, only=False):
        if only:
            python("ada.notifications.all().delete()")
        for verb in verbs:
            python(f"notify(ada, {verb!r}, actor=grace, text='Some words', url='/accounts/password/change/')")

    return send


@pytest.fixture(scope="module")
def cookies(site, browser):
    """The session of ada, as Playwright's storage state."""
    return people.logged_in(browser, site.url, "ada")


@pytest.fixture
def open_tab(site, browser, cookies):
    """Open a page as ada, each in its own browser, and wait for its stream."""
    with people.browsers(browser, site.url) as open_browser:

        def show(address="/notifications/", **options):
            page = open_browser(storage_state=cookies, **options)
            page.goto(address)
            if options.get("java_script_enabled", True):
                page.wait_for_selector("#notification-bell.sse-connected", state="attached")
                page.evaluate("() => { window.isSamePage = true }")
            return page

        yield show


def bell(page):
    return page.locator(".notification-count")


def toast(page, text):
    return page.locator(".notification-toasts .toast", has_text=text)


def test_a_new_notification_appears_on_every_open_page_and_is_announced_politely(notify, open_tab):
    notify(only=True)
    elsewhere, listed = open_tab("/accounts/password/change/"), open_tab()
    expect(bell(elsewhere)).to_have_text("0")
    expect(listed.get_by_text("No notifications yet.")).to_be_visible()
    expect(listed.get_by_role("button", name="Mark all read")).to_be_hidden()
    notify("mentioned you")
    expect(bell(elsewhere)).to_have_text("1")
    expect(toast(elsewhere, "grace mentioned you")).to_be_visible()
    assert toast(elsewhere, "grace").locator("..").get_attribute("role") == "status"
    expect(listed.locator(ROWS)).to_have_count(1)
    expect(bell(listed)).to_have_text("1")
    expect(listed.get_by_text("No notifications yet.")).to_be_hidden()
    expect(listed.get_by_role("button", name="Mark all read")).to_be_visible()
    notify("asked you", "answered you", "thanked you")
    expect(toast(elsewhere, "3 new notifications")).to_be_visible()
    expect(listed.locator(".notification-title").first).to_contain_text("thanked you")
    elsewhere.get_by_role("button", name="Dismiss").click()
    expect(toast(elsewhere, "")).to_have_count(0)
    assert elsewhere.problems + listed.problems == []


def test_a_notification_read_in_one_tab_is_read_in_all_within_a_second_and_can_be_undone(notify, open_tab):
    notify("first", "second", only=True)
    one, other, elsewhere = open_tab(), open_tab(), open_tab("/accounts/password/change/")
    one.get_by_role("button", name="Mark read").first.click()
    for page in (one, other, elsewhere):
        expect(bell(page)).to_have_text("1", timeout=MAX_DELAY_MS)
    for page in (one, other):
        expect(page.locator(".notification.is-unread")).to_have_count(1, timeout=MAX_DELAY_MS)
    expect(one.get_by_role("button", name="Mark unread")).to_be_focused()
    one.get_by_role("button", name="Undo").click()
    for page in (one, other, elsewhere):
        expect(bell(page)).to_have_text("2", timeout=MAX_DELAY_MS)
    other.get_by_role("button", name="Mark all read").click()
    for page in (one, other, elsewhere):
        expect(bell(page)).to_have_text("0", timeout=MAX_DELAY_MS)
    expect(other.get_by_role("button", name="Mark all read")).to_be_hidden()
    expect(other.get_by_role("button", name="Mark unread").first).to_be_focused()
    other.get_by_role("button", name="Undo").click()
    expect(one.locator(".notification.is-unread")).to_have_count(2, timeout=MAX_DELAY_MS)
    assert all(page.evaluate("() => isSamePage") for page in (one, other, elsewhere))
    assert one.problems + other.problems + elsewhere.problems == []


def test_a_deleted_notification_leaves_all_tabs_and_undo_restores_its_place(notify, open_tab):
    notify("oldest", "middle", "newest", only=True)
    one, other = open_tab(), open_tab()
    one.get_by_role("button", name="Delete").nth(1).click()
    for page in (one, other):
        expect(page.locator(ROWS)).to_have_count(2, timeout=MAX_DELAY_MS)
        expect(bell(page)).to_have_text("2", timeout=MAX_DELAY_MS)
    expect(one.locator(".notification button:focus")).to_be_visible()
    later = open_tab()
    one.get_by_role("button", name="Undo").click()
    for page in (one, other, later):
        expect(page.locator(".notification-title:visible").nth(1)).to_contain_text("middle")
    assert one.evaluate("() => isSamePage")


def test_everything_works_without_javascript(notify, open_tab):
    notify("first", "second", only=True)
    page = open_tab(java_script_enabled=False)
    page.get_by_role("button", name="Mark read").first.click()
    expect(bell(page)).to_have_text("1")
    page.get_by_role("button", name="Undo").click()
    expect(bell(page)).to_have_text("2")
    page.get_by_role("link", name="Unread", exact=True).click()
    page.get_by_role("button", name="Delete").first.click()
    assert page.url.endswith("?show=unread")
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ROWS)).to_have_count(2)
    page.get_by_role("button", name="Mark all read").click()
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ROWS)).to_have_count(2)
