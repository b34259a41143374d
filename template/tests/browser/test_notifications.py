"""Rarer situations of a reader of notifications, and a broadcast that arrives."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from apps.notifications.tests.test_browser import MAX_DELAY_MS, ROWS, bell, toast
from tests import servers
from tests.browser.test_pages import assert_sound


def test_marking_as_read_removes_a_notification_from_the_unread_list(notify, open_tab):
    notify("first", "second", only=True)
    page = open_tab("/notifications/?show=unread")
    for left in (1, 0):
        page.get_by_role("button", name="Mark read").first.click()
        expect(page.locator(ROWS)).to_have_count(left)
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    expect(page.locator("#notifications-title")).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ROWS)).to_have_count(1)


def test_following_the_link_marks_a_notification_as_read(notify, open_tab):
    notify("leads somewhere", only=True)
    other, page = open_tab("/accounts/password/change/"), open_tab()
    page.get_by_role("link", name="leads somewhere").click()
    page.wait_for_url("**/accounts/password/change/")
    expect(bell(other)).to_have_text("0", timeout=MAX_DELAY_MS)


def test_notifications_sent_while_disconnected_arrive_on_reconnect(notify, open_tab):
    notify(only=True)
    pages = open_tab(), open_tab("/accounts/password/change/")
    streams = "document.querySelectorAll('[dj-sse]').forEach((each) => each._djustSSE.{}())"
    for page in pages:
        page.evaluate(streams.format("disconnect"))
    notify("knocked in vain", "left a note")
    for page in pages:
        expect(bell(page)).to_have_text("0")
        page.evaluate(streams.format("connect"))
        expect(bell(page)).to_have_text("2")
    expect(pages[0].locator(ROWS)).to_have_count(2)


def test_a_failed_action_shows_a_toast(notify, open_tab):
    notify("stays unread", only=True)
    page = open_tab()
    page.route("**/api/notifications/*/read/", lambda route: route.abort())
    page.get_by_role("button", name="Mark read").click()
    expect(toast(page, "That could not be done.")).to_be_visible()
    expect(page.locator(".is-unread")).to_have_count(1)


def test_a_rate_limited_action_shows_how_long_to_wait(notify, open_tab):
    notify("stays unread", only=True)
    page = open_tab()
    page.route(
        "**/api/notifications/*/read/", lambda route: route.fulfill(status=429, headers={"Retry-After": "22"})
    )
    page.get_by_role("button", name="Mark read").click()
    expect(toast(page, "That cannot be done now. Try again in 22 s.")).to_be_visible()
    expect(page.locator(".is-unread")).to_have_count(1)


def test_the_list_and_its_toasts_are_sound(notify, open_tab):
    notify("first", "second", only=True)
    page = open_tab()
    page.get_by_role("button", name="Mark read").first.click()
    expect(toast(page, "Marked as read.")).to_be_visible()
    assert_sound(page)
    page.get_by_role("button", name="Mark all read").click()
    expect(toast(page, "All marked as read.")).to_be_visible()
    page.get_by_role("link", name="Unread", exact=True).click()
    expect(page.get_by_text("You have read everything.")).to_be_visible()
    assert_sound(page)


def test_staff_send_to_everybody_and_see_it_arrive(site, notify, open_tab, browser):
    notify(only=True)
    reader = open_tab("/accounts/password/change/")
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto("/admin/login/?next=/admin/notifications/broadcast/add/")
    page.fill("[name=login]", "admin")
    page.fill("[name=password]", "demo")
    page.click("[type=submit]")
    page.get_by_label("Title").fill("Maintenance tonight")
    page.get_by_label("Everybody").check()
    page.click("[name=_save]")
    expect(page.locator("#broadcast-progress")).to_contain_text("Waiting for a task worker")
    servers.manage("db_worker", "--batch", "--no-startup-delay", environment=site.environment)
    expect(page.locator("#broadcast-progress")).to_contain_text(re.compile(r"Sent: (\d+) / \1"))
    assert page.locator("#broadcast-progress progress").evaluate("(element) => element.value") == 100
    expect(bell(reader)).to_have_text("1")
    assert Axe().run(page, context="#broadcast-progress").response["violations"] == []
    context.close()


def test_an_undo_shows_the_notification_on_a_page_opened_without_it(notify, open_tab):
    notify("comes back", only=True)
    page = open_tab()
    page.get_by_role("button", name="Mark read").click()
    other = open_tab("/notifications/?show=unread")
    expect(other.get_by_text("You have read everything.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(other.locator(ROWS)).to_have_count(1)
    expect(bell(other)).to_have_text("1")
    assert other.problems == []


def test_the_bell_loads_unread_ids_beyond_99(notify, python, open_tab):
    notify(only=True)
    python("for _ in range(101): notify(ada, 'again')")
    page = open_tab()
    expect(bell(page)).to_have_text("99+")
    first = page.locator(ROWS).first.get_attribute("id").split("-")[1]
    page.get_by_role("button", name="Mark read").first.click()
    page.wait_for_function(
        """(first) => {
          const ids = document.querySelector("#notification-bell").dataset.unread.split(" ");
          return ids.length === 100 && !ids.includes(first);
        }""",
        arg=first,
    )
    expect(bell(page)).to_have_text("99+")
    assert page.problems == []


def test_after_a_gap_the_page_loads_its_notifications_again(notify, open_tab):
    notify("before", only=True)
    page = open_tab()
    page.evaluate("() => document.querySelectorAll('[dj-sse]').forEach((each) => each._djustSSE.disconnect())")
    notify("in the meantime", "and once more", only=True)
    page.evaluate(
        "() => document.querySelectorAll('[dj-sse]').forEach((each) => each.dispatchEvent(new CustomEvent('sse:reset', {bubbles: true, detail: {}})))"
    )
    expect(page.locator(ROWS)).to_have_count(2)
    expect(bell(page)).to_have_text("2")
    page.get_by_role("button", name="Mark read").first.click()
    expect(bell(page)).to_have_text("1")
    assert page.evaluate("() => isSamePage")
