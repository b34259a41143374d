"""Tasks as somebody sees them who uploads, starts, waits, cancels and retries, with and without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

test_tasks = pytest.importorskip("tests.test_tasks")
example = pytest.importorskip("apps.tasks.example")

PATIENCE_MS = 30_000
RECORD = """
addEventListener('sse:data', ({detail}) => detail.event === 'progress' && (window.told ??= []).push(detail.data));
"""
HOSTILE = "name,email\n<img src=x onerror=alert(1)>,a@example.com\n\u202egrace,<b>bold</b>\nAda,b@example.com\n"


@pytest.fixture
def deployment(migrated, tmp_path):
    servers.copy_database(migrated, tmp_path)
    with servers.serving("uvicorn", tmp_path) as server:
        running = test_tasks.Deployment(server)
        try:
            yield running
        finally:
            running.end()


@pytest.fixture
def enter(deployment, browser):
    """Open the list of tasks in a new browser as a demo user: `enter("ada", width=360)`."""
    with people.browsers(browser, deployment.server.url) as open_browser:

        def log_in(username="ada", width=1440, **options):
            page = open_browser(viewport={"width": width, "height": 800}, **options)
            page.context.add_init_script(RECORD)
            people.log_in(page, username, "/tasks/")
            return page

        yield log_in


def upload(page, text, name="contacts.csv"):
    page.set_input_files("[name=file]", {"name": name, "mimeType": "text/csv", "buffer": text.encode()})
    page.click("text=Upload and preview")
    page.wait_for_url("**/tasks/*/")


def file_of(rows):
    return "".join(example.lines(rows))


def badge(page):
    return page.locator(".task .badge").first


def assert_sound(page):
    found = Axe().run(page).response["violations"]
    assert not [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
    assert not page.problems
    assert_fits(page)


def assert_fits(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"


def test_an_import_is_watched_from_its_upload_to_its_end(deployment, enter):
    page = enter()
    deployment.worker()
    upload(page, file_of(60_000))
    expect(page.get_by_role("table")).to_contain_text("person1@example.com")
    page.click("text=Start import")
    expect(badge(page)).to_have_text("Import · Done", timeout=PATIENCE_MS)
    expect(page.locator(".task .actions > p")).to_have_text("59,400 contacts imported · 600 rows with errors")
    expect(page.locator(".task progress")).to_have_count(0)
    percents = page.evaluate("told.map((each) => each.percent)")
    assert percents == sorted(percents)
    assert len(set(percents)) >= 3
    page.wait_for_function("() => document.querySelector('.card[dj-sse]')._djustSSE.state === 'disconnected'")
    with page.expect_download() as download:
        page.click("text=Download errors")
    assert len(download.value.path().read_text().splitlines()) == 601
    assert page.problems == []


def test_the_list_shows_what_other_tabs_do_and_keeps_the_focus_while_numbers_move(deployment, enter):
    list_page = enter()
    expect(list_page.get_by_text("No task is running")).to_be_visible()
    expect(list_page.locator("#live")).to_have_text("Live")
    other = list_page.context.new_page()
    other.goto("/tasks/")
    upload(other, file_of(60_000))
    expect(badge(list_page)).to_have_text("Import · Ready to start")
    expect(list_page.get_by_text("No task is running")).to_be_hidden()
    other.click("text=Start import")
    expect(badge(list_page)).to_have_text("Import · Waiting")
    deployment.worker()
    expect(badge(list_page)).to_have_text("Import · Running", timeout=PATIENCE_MS)
    list_page.get_by_role("button", name="Cancel").focus()
    list_page.wait_for_function("() => new Set(told.flatMap(Object.values).map((each) => each.percent)).size >= 3")
    expect(list_page.get_by_role("button", name="Cancel")).to_be_focused()
    expect(list_page.locator(".task [dj-sse-field$=note]")).to_contain_text("rows per second")
    expect(list_page.locator("#tasks-finished .badge")).to_have_text("Import · Done", timeout=PATIENCE_MS)
    expect(list_page.get_by_text("No task is running")).to_be_visible()
    assert list_page.locator(".task progress").count() == 0
    other.click("text=Delete")
    other.click("text=Delete task")
    expect(list_page.get_by_text("No finished tasks yet")).to_be_visible()
    assert list_page.problems == []


def test_the_state_moves_with_the_numbers_and_a_reload_shows_what_was_reached(deployment, enter):
    page = enter()
    upload(page, file_of(60_000))
    page.click("text=Start import")
    expect(badge(page)).to_have_text("Import · Waiting")
    worker = deployment.worker()
    page.wait_for_function("() => window.told?.some((each) => each.percent > 10)")
    expect(badge(page)).to_have_text("Import · Running")
    worker.kill()
    page.reload()
    assert int(page.inner_text(".percent b")) > 10
    expect(badge(page)).to_have_text("Import · Running")
    deployment.let_time_pass()
    deployment.worker()
    expect(badge(page)).to_have_text("Import · Done", timeout=PATIENCE_MS)


def test_everything_works_without_javascript(deployment, enter):
    page = enter(java_script_enabled=False)
    upload(page, file_of(1000))
    page.click("text=Start import")
    expect(badge(page)).to_have_text("Import · Waiting", use_inner_text=True)
    page.click("text=Cancel")
    expect(badge(page)).to_have_text("Import · Cancelled", use_inner_text=True)
    page.click("text=All tasks")
    page.click("text=Retry")
    expect(badge(page)).to_have_text("Import · Waiting", use_inner_text=True)
    deployment.worker()
    servers.wait_until(lambda: deployment.query("SELECT 1 FROM tasks_task WHERE state = 'done'"), 30)
    page.click("noscript a")
    expect(badge(page)).to_have_text("Import · Done", use_inner_text=True)
    page.click("text=Start export")
    servers.wait_until(lambda: len(deployment.query("SELECT 1 FROM tasks_task WHERE state = 'done'")) == 2, 30)
    page.click("noscript a")
    with page.expect_download() as download:
        page.click("text=Download file")
    assert len(download.value.path().read_text().splitlines()) == 991
    page.click("text=Delete")
    page.click("text=Delete task")
    expect(page.locator(".task")).to_have_count(1)


def test_hostile_rows_and_names_are_text(enter):
    page = enter()
    upload(page, HOSTILE, name="<b>bold<i>\u202e.csv")
    expect(page.locator("tbody")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("h2").first).to_contain_text("<b>bold<i>")
    assert page.locator("main img, main bdi b").count() == 0
    assert page.problems == []


def test_a_refusal_is_beside_the_field_which_has_the_focus(enter):
    page = enter()
    page.set_input_files("[name=file]", {"name": "photo.csv", "mimeType": "text/csv", "buffer": b"\xff\xd8\xff"})
    page.click("text=Upload and preview")
    expect(page.locator("[name=file][aria-invalid=true]")).to_be_focused()
    expect(page.locator(".errorlist")).to_contain_text("is not UTF-8 text")
    assert_sound(page)


@pytest.fixture
def many(deployment, enter):
    """The list with a task in each state, and the addresses of their pages."""
    page, addresses = enter(), []

    def add(*buttons):
        page.goto("/tasks/")
        upload(page, HOSTILE + "x" * 300 + ",y\n", name="a-name-without-any-space-" * 7 + ".csv")
        addresses.append(page.evaluate("location.pathname"))
        for button in buttons:
            page.click(f"text={button}")
            expect(page.get_by_role("button", name=button)).to_have_count(0)

    worker = deployment.worker()
    add("Start import")
    expect(badge(page)).to_have_text("Import · Done", timeout=PATIENCE_MS)
    worker.kill()
    add("Start import", "Cancel")
    add("Start import")
    add()
    return page, addresses


def test_all_pages_are_sound_in_every_state_theme_and_width(many):
    page, addresses = many
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in (360, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto("/tasks/")
            expect(page.locator(".task")).to_have_count(4)
            assert_sound(page)
        for address in addresses:
            page.goto(address)
            assert_sound(page)
    page.set_viewport_size({"width": 320, "height": 800})
    for address in ("/tasks/", *addresses):
        page.goto(address)
        assert_fits(page)


def test_a_list_without_tasks_is_sound(enter):
    page = enter(width=360)
    expect(page.get_by_text("No finished tasks yet")).to_be_visible()
    assert_sound(page)


def test_deleting_asks_first(many):
    page, _ = many
    page.locator("text=Delete").first.click()
    expect(page.locator(".confirm:popover-open")).to_be_visible()
    assert_sound(page)
    page.keyboard.press("Escape")
    expect(page.locator(".confirm:popover-open")).to_have_count(0)
    page.goto("/tasks/")
    expect(page.locator(".task")).to_have_count(4)
