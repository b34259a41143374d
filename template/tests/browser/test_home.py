"""The first page of a visitor, and in two tabs of one user."""

import pytest
from playwright.sync_api import expect

from tests.browser import people

pytest.importorskip("apps.notifications.notify")

SOON_MS = 3000


def test_a_visitors_first_page_updates_itself(page, site):
    page.goto(site.url)
    line = page.locator(".home-line")
    first = line.get_attribute("d", timeout=people.TIMEOUT_MS)
    expect(line).not_to_have_attribute("d", first, timeout=people.TIMEOUT_MS)


def test_a_notification_to_oneself_appears_in_the_other_tab(site, browser):
    with browser.new_context(base_url=site.url) as context:
        context.set_default_timeout(people.TIMEOUT_MS)
        one = context.new_page()
        people.log_in(one, "grace", "/")
        expect(one.get_by_role("heading", name="Hello, grace")).to_be_visible(timeout=people.TIMEOUT_MS)
        other = context.new_page()
        other.goto("/")
        for page in (one, other):
            expect(page.locator("#live")).to_have_attribute("data-state", "connected", timeout=people.TIMEOUT_MS)

        count = other.locator("[data-notification-count]")
        before = int(count.inner_text())
        one.get_by_role("button", name="Notify me").click()
        expect(one.locator(".notification-count")).to_have_text(str(before + 1))
        expect(count).to_have_text(str(before + 1), timeout=SOON_MS)
        expect(other.locator(".toast")).to_contain_text("your own notification")
        assert one.url == site.url + "/"


def test_the_button_works_without_javascript(site, browser):
    with browser.new_context(base_url=site.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.set_default_timeout(people.TIMEOUT_MS)
        people.log_in(page, "grace", "/")
        page.get_by_role("button", name="Notify me").click()
        expect(page.locator(".messages")).to_contain_text("Sent.", timeout=people.TIMEOUT_MS)
