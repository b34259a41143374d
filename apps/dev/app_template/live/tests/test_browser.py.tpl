"""Two users with a long list open, one of them with another page, too: each page shows every change at once."""

import pytest
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

IMPORTS = """
from apps.accounts.models import User
from apps.app_name import items
from apps.app_name.models import Item
ada = User.objects.get(username="ada")
"""
ROWS = """
Item.objects.bulk_create(Item(owner=ada, text=f"Older {number}") for number in range(1001))
"""
CHANGES = """
first, second, third = [Item(owner=ada, text=text) for text in ("First", "Second", "Third")]
with items.changing():
    items.add(first)
    items.finish(first)
    items.add(second)
    items.add(third)
    items.remove(third)
"""


def run_in_shell(site, code):
    servers.manage("shell", "-c", IMPORTS + code, environment=site.environment)


@pytest.fixture
def pages(site, browser):
    """The list of Ada, the list of the administrator, and the administrator's first page."""
    run_in_shell(site, ROWS)
    with people.browsers(browser, site.url) as ada_browser, people.browsers(browser, site.url) as admin_browser:
        ada, admin = ada_browser(), admin_browser()
        people.log_in(ada, "ada")
        people.log_in(admin, "admin")
        elsewhere = people.watched(admin.context.new_page())
        for page, path in ((ada, "/app_name/"), (admin, "/app_name/"), (elsewhere, "/")):
            page.goto(path)
            expect(page.locator("#live")).to_have_attribute("data-state", "connected")
        yield ada, admin, elsewhere


def test_every_open_page_shows_changed_rows_and_the_count(site, pages):
    ada, admin, elsewhere = pages
    ada.get_by_label("Text").fill("Hello" + "o" * 190)
    ada.get_by_role("button", name="Add").click()
    for page in (ada, admin):
        expect(page.locator("#app_name-items li").first).to_contain_text("Hello")
    expect(elsewhere.locator("#app_name-count")).to_have_text("1002")
    admin.get_by_role("button", name="Finish").first.click()
    for page in (ada, admin):
        expect(page.locator("#app_name-items .badge")).to_have_text(["Done"])
    expect(elsewhere.locator("#app_name-count")).to_have_text("1001")

    run_in_shell(site, CHANGES)
    for page in (ada, admin):
        expect(page.locator("#app_name-items li").first).to_contain_text("Second")
        expect(page.locator("#app_name-items .badge")).to_have_text(["Done", "Done"])
    expect(elsewhere.locator("#app_name-count")).to_have_text("1002")

    for page in pages:
        assert page.problems == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is too wide"
        before = page.locator("#app_name-count, #app_name-items .badge").all_inner_texts()
        page.reload()
        assert page.locator("#app_name-count, #app_name-items .badge").all_inner_texts() == before
