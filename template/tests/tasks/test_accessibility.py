"""The pages of tasks in every state: accessible, without errors, not too wide."""

# ruff: noqa: F401, F811

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytest.importorskip("apps.tasks.work")

from apps.tasks.tests.test_browser import execute, upload, visit


@pytest.fixture(scope="module")
def server(site):
    return site


def assert_accessible(page):
    found = Axe().run(page).response["violations"]
    assert not [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"
    assert not page.problems


def test_pages_are_accessible_and_fit_in_every_state_theme_and_width(visit, execute):
    execute("DELETE FROM tasks_task")
    page, addresses = visit(), ["/tasks/"]
    assert_accessible(page)
    page.set_input_files("[name=file]", {"name": "photo.csv", "mimeType": "text/csv", "buffer": b"\xff\xd8\xff"})
    page.get_by_role("button", name="Start import").click()
    expect(page.locator("[name=file][aria-invalid=true]")).to_be_focused()
    expect(page.locator(".errorlist")).to_contain_text("is not UTF-8 text")
    for state in ("waiting", "running", "done", "cancelled", "failed"):
        page.goto("/tasks/")
        upload(page, name=f"<b>{'a-name-without-any-space-' * 5}.csv")
        execute(f"UPDATE tasks_task SET state = '{state}', name = name || '{state}' WHERE name NOT LIKE '%csv_%'")
        addresses.append(page.evaluate("location.pathname"))
    for theme, width in (("light", 1440), ("dark", 320)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 800})
        for address in addresses:
            page.goto(address)
            expect(page.locator(".task")).to_have_count(5 if address == "/tasks/" else 1)
            assert_accessible(page)
    page.get_by_role("button", name="Delete").click()
    assert_accessible(page)
