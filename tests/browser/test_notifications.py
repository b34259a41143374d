"""Notifications as their reader sees them: in several tabs, with and without JavaScript."""

import re
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

AGREED_MS = 1000
ROWS = ".notification:visible"
TELLER = """
import sys
from apps.accounts.models import User
from apps.notifications.notify import notify
ada, grace = (User.objects.get(username=name) for name in ("ada", "grace"))
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def running(migrated, tmp_path_factory):
    """A server of these tests' own, whose demo users nobody else tells anything."""
    folder = tmp_path_factory.mktemp("notifications")
    servers.copy_database(migrated, folder)
    with servers.serving("uvicorn", folder) as server:
        yield server


@pytest.fixture(scope="module")
def cookies(running, browser):
    """What a browser keeps in which ada is logged in."""
    return people.logged_in(browser, running.url, "ada")


@pytest.fixture(scope="module")
def python(running):
    """Run a line of code in another process of the same site."""
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", TELLER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=servers.ROOT, env=running.environment, **pipes) as process:

        def run(line):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        yield run
        process.stdin.close()


@pytest.fixture
def tell(python):
    """Tell ada some things, and forget all others first if asked to."""

    def do(*verbs, afresh=False):
        if afresh:
            python("ada.notifications.all().delete()")
        for verb in verbs:
            python(f"notify(ada, {verb!r}, actor=grace, text='Some words', url='/accounts/password/')")

    return do


@pytest.fixture
def open_tab(running, browser, cookies):
    """Open a page of ada's, each in a browser of its own, and wait for its stream."""
    with people.browsers(browser, running.url) as open_browser:

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


def test_news_are_on_every_page_at_once_and_said_politely(tell, open_tab):
    tell(afresh=True)
    elsewhere, listed = open_tab("/accounts/password/"), open_tab()
    expect(bell(elsewhere)).to_have_text("0")
    expect(listed.get_by_text("No notifications yet.")).to_be_visible()
    expect(listed.get_by_role("button", name="Mark all read")).to_be_hidden()
    tell("mentioned you")
    expect(bell(elsewhere)).to_have_text("1")
    expect(toast(elsewhere, "grace mentioned you")).to_be_visible()
    assert toast(elsewhere, "grace").locator("..").get_attribute("role") == "status"
    expect(listed.locator(ROWS)).to_have_count(1)
    expect(bell(listed)).to_have_text("1")
    expect(listed.get_by_text("No notifications yet.")).to_be_hidden()
    expect(listed.get_by_role("button", name="Mark all read")).to_be_visible()
    tell("asked you", "answered you", "thanked you")
    expect(toast(elsewhere, "3 new notifications")).to_be_visible()
    expect(listed.locator(".notification-title").first).to_contain_text("thanked you")
    elsewhere.get_by_role("button", name="Dismiss").click()
    expect(toast(elsewhere, "")).to_have_count(0)
    assert elsewhere.problems + listed.problems == []


def test_what_is_read_in_one_tab_is_read_in_all_within_a_second_and_can_be_undone(tell, open_tab):
    tell("first", "second", afresh=True)
    one, other, elsewhere = open_tab(), open_tab(), open_tab("/accounts/password/")
    one.get_by_role("button", name="Mark read").first.click()
    for page in (one, other, elsewhere):
        expect(bell(page)).to_have_text("1", timeout=AGREED_MS)
    for page in (one, other):
        expect(page.locator(".notification.is-unread")).to_have_count(1, timeout=AGREED_MS)
    expect(one.get_by_role("button", name="Mark unread")).to_be_focused()
    one.get_by_role("button", name="Undo").click()
    for page in (one, other, elsewhere):
        expect(bell(page)).to_have_text("2", timeout=AGREED_MS)
    other.get_by_role("button", name="Mark all read").click()
    for page in (one, other, elsewhere):
        expect(bell(page)).to_have_text("0", timeout=AGREED_MS)
    expect(other.get_by_role("button", name="Mark all read")).to_be_hidden()
    expect(other.get_by_role("button", name="Mark unread").first).to_be_focused()
    other.get_by_role("button", name="Undo").click()
    expect(one.locator(".notification.is-unread")).to_have_count(2, timeout=AGREED_MS)
    assert all(page.evaluate("() => isSamePage") for page in (one, other, elsewhere))
    assert one.problems + other.problems + elsewhere.problems == []


def test_what_is_deleted_is_gone_from_all_tabs_and_comes_back_where_it_was(tell, open_tab):
    tell("oldest", "middle", "newest", afresh=True)
    one, other = open_tab(), open_tab()
    one.get_by_role("button", name="Delete").nth(1).click()
    for page in (one, other):
        expect(page.locator(ROWS)).to_have_count(2, timeout=AGREED_MS)
        expect(bell(page)).to_have_text("2", timeout=AGREED_MS)
    expect(one.locator(".notification button:focus")).to_be_visible()
    later = open_tab()
    one.get_by_role("button", name="Undo").click()
    for page in (one, other, later):
        expect(page.locator(".notification-title:visible").nth(1)).to_contain_text("middle")
    assert one.evaluate("() => isSamePage")


def test_in_the_list_of_the_unread_what_is_read_leaves(tell, open_tab):
    tell("first", "second", afresh=True)
    page = open_tab("/notifications/?show=unread")
    for left in (1, 0):
        page.get_by_role("button", name="Mark read").first.click()
        expect(page.locator(ROWS)).to_have_count(left)
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    expect(page.locator("#notifications-title")).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ROWS)).to_have_count(1)


def test_who_follows_the_link_has_read_it(tell, open_tab):
    tell("leads somewhere", afresh=True)
    other, page = open_tab("/accounts/password/"), open_tab()
    page.get_by_role("link", name="leads somewhere").click()
    page.wait_for_url("**/accounts/password/")
    expect(bell(other)).to_have_text("0", timeout=AGREED_MS)


def test_what_came_while_away_is_there_on_return(tell, open_tab):
    tell(afresh=True)
    pages = open_tab(), open_tab("/accounts/password/")
    streams = "document.querySelectorAll('[dj-sse]').forEach((each) => each._djustSSE.{}())"
    for page in pages:
        page.evaluate(streams.format("disconnect"))
    tell("knocked in vain", "left a note")
    for page in pages:
        expect(bell(page)).to_have_text("0")
        page.evaluate(streams.format("connect"))
        expect(bell(page)).to_have_text("2")
    expect(pages[0].locator(ROWS)).to_have_count(2)


def test_after_too_long_an_absence_the_page_is_made_anew(tell, open_tab):
    tell("before", afresh=True)
    page = open_tab()
    page.evaluate("() => document.querySelectorAll('[dj-sse]').forEach((each) => each._djustSSE.disconnect())")
    tell("in the meantime", "and once more", afresh=True)
    page.evaluate(
        "() => document.querySelectorAll('[dj-sse]').forEach((each) => each.dispatchEvent(new CustomEvent('sse:reset', {bubbles: true, detail: {}})))"
    )
    expect(page.locator(ROWS)).to_have_count(2)
    expect(bell(page)).to_have_text("2")
    page.get_by_role("button", name="Mark read").first.click()
    expect(bell(page)).to_have_text("1")
    assert page.evaluate("() => isSamePage")


def test_what_could_not_be_done_is_said(tell, open_tab):
    tell("stays unread", afresh=True)
    page = open_tab()
    page.route("**/api/notifications/*/read/", lambda route: route.abort())
    page.get_by_role("button", name="Mark read").click()
    expect(toast(page, "That could not be done.")).to_be_visible()
    expect(page.locator(".is-unread")).to_have_count(1)


def test_what_was_asked_too_often_is_said_with_how_long_to_wait(tell, open_tab):
    tell("stays unread", afresh=True)
    page = open_tab()
    page.route(
        "**/api/notifications/*/read/", lambda route: route.fulfill(status=429, headers={"Retry-After": "22"})
    )
    page.get_by_role("button", name="Mark read").click()
    expect(toast(page, "That cannot be done now. Try again in 22 s.")).to_be_visible()
    expect(page.locator(".is-unread")).to_have_count(1)


def test_all_of_it_works_without_javascript(tell, open_tab):
    tell("first", "second", afresh=True)
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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_list_and_its_toasts_are_sound(tell, open_tab, width, theme):
    tell("first", "second", afresh=True)
    page = open_tab(viewport={"width": width, "height": 800}, color_scheme=theme)
    page.get_by_role("button", name="Mark read").first.click()
    expect(toast(page, "Marked as read.")).to_be_visible()
    assert_sound(page)
    page.get_by_role("button", name="Mark all read").click()
    expect(toast(page, "All marked as read.")).to_be_visible()
    page.get_by_role("link", name="Unread", exact=True).click()
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    assert_sound(page)
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def assert_sound(page):
    found = Axe().run(page).response["violations"]
    assert not [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
    assert not page.problems
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"


def test_staff_sends_to_everybody_and_sees_it_arrive(running, tell, open_tab, browser):
    tell(afresh=True)
    reader = open_tab("/accounts/password/")
    context = browser.new_context(base_url=running.url)
    page = context.new_page()
    page.goto("/admin/login/?next=/admin/notifications/broadcast/add/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", "demo")
    page.click("[type=submit]")
    page.get_by_label("Title").fill("Maintenance tonight")
    page.get_by_label("Everybody").check()
    page.click("[name=_save]")
    expect(page.locator("#broadcast-progress")).to_contain_text("Waiting for a task worker")
    servers.manage("db_worker", "--batch", "--no-startup-delay", environment=running.environment)
    expect(page.locator("#broadcast-progress")).to_contain_text(re.compile(r"Sent: 3 / 3"))
    assert page.locator("#broadcast-progress progress").evaluate("(element) => element.value") == 100
    expect(bell(reader)).to_have_text("1")
    assert Axe().run(page, context="#broadcast-progress").response["violations"] == []
    context.close()
