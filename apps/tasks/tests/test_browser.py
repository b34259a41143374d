"""Tasks in the browser: upload, progress in all tabs, a killed worker, cancel and retry."""

import contextlib
import sqlite3

import pytest
from playwright.sync_api import expect

from apps.tasks import demo
from tests import servers
from tests.browser import people

TIMEOUT_MS = 30_000
RECORD = """
addEventListener('sse:data', ({detail}) => detail.event === 'progress' && (window.updates ??= []).push(detail.data));
"""
# Several percentages were shown, the state is "Running", and the focus has stayed.
IS_RUNNING = """() => new Set((window.updates ?? []).flatMap(Object.values).map((each) => each.percent)).size > 3
  && document.querySelector(".badge").textContent === "Running"
  && document.activeElement.textContent.startsWith("Cancel")"""


@pytest.fixture(scope="module")
def server(migrated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    servers.copy_database(migrated, folder)
    with servers.serving("uvicorn", folder) as server:
        yield server


@pytest.fixture
def execute(server):
    """Run SQL in the server's database."""

    def run(sql):
        with (
            contextlib.closing(sqlite3.connect(server.log.parent / "db.sqlite3", timeout=20)) as database,
            database,
        ):
            database.execute(sql)

    yield run
    run("DELETE FROM tasks_task")


@pytest.fixture
def visit(server, browser, execute):
    """Open the list of tasks in a new browser as Ada: `visit(java_script_enabled=False)`."""
    with people.browsers(browser, server.url) as open_browser:

        def log_in(**options):
            page = open_browser(**options)
            page.context.add_init_script(RECORD)
            people.log_in(page, "ada", "/tasks/")
            return page

        yield log_in


def upload(page, rows=1000, name="contacts.csv"):
    file = "".join(demo.lines(rows)).encode()
    page.set_input_files("[name=file]", {"name": name, "mimeType": "text/csv", "buffer": file})
    page.get_by_role("button", name="Start import").click()
    page.wait_for_url("**/tasks/*/")


def expect_state(page, state):
    expect(page.locator(".task .badge").first).to_have_text(state, timeout=TIMEOUT_MS, use_inner_text=True)


def test_an_import_is_shown_in_all_tabs_and_the_focus_stays_during_updates(server, visit):
    tab = visit()
    expect(tab.get_by_text("No task is running")).to_be_visible()
    expect(tab.locator("#live")).to_have_text("Live")
    page = people.watched(tab.context.new_page())
    page.goto("/tasks/")
    upload(page, 20_000)
    expect_state(tab, "Waiting")
    tab.get_by_role("button", name="Cancel").focus()
    with servers.task_worker(server.environment):
        tab.wait_for_function(IS_RUNNING)
        for each in (page, tab):
            expect_state(each, "Done")
            expect(each.locator(".task .actions > p")).to_contain_text(
                "19,800 rows imported · 200 rows with errors"
            )
            expect(each.locator(".task progress")).to_have_count(0)
    percents = page.evaluate("updates.map((each) => each.percent)")
    assert percents == sorted(percents)
    page.wait_for_function("() => document.querySelector('.card[dj-sse]')._djustSSE.state === 'disconnected'")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete task").click()
    expect(tab.get_by_text("No finished tasks yet")).to_be_visible()
    assert tab.problems + page.problems == []


def test_a_task_of_a_killed_worker_is_continued_by_the_next_one(server, visit, execute):
    page = visit()
    upload(page, 40_000)
    with servers.task_worker(server.environment):
        page.wait_for_function("() => window.updates?.some((each) => each.percent > 10)")
    page.reload()
    assert int(page.inner_text(".percent b")) > 10
    expect_state(page, "Running")
    execute("UPDATE django_tasks_database_dbtaskresult SET run_after = '2020-01-01' WHERE status = 'RUNNING'")
    with servers.task_worker(server.environment):
        expect_state(page, "Done")
    expect(page.locator(".task .actions > p")).to_contain_text("39,600 rows imported · 400 rows with errors")


def test_everything_works_without_javascript(server, visit):
    page = visit(java_script_enabled=False)
    upload(page)
    page.click("text=Cancel")
    expect_state(page, "Cancelled")
    page.click("text=All tasks")
    page.click("text=Retry")
    expect_state(page, "Waiting")
    servers.manage("db_worker", "--batch", "--no-startup-delay", environment=server.environment)
    page.click("noscript a")
    expect_state(page, "Done")
