"""Tasks with real workers: killed, stopped, frozen, and cancelled during an import."""

import contextlib
import signal
import sqlite3

import psutil
import pytest

from tests import servers
from tests.servers import wait_until

demo = pytest.importorskip("apps.tasks.demo")

TIMEOUT = 60
ROWS = 20_000
RUNNING = "SELECT 1 FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING'"
START = """
from django.contrib.auth import get_user_model
from apps.tasks import demo
owner = get_user_model().objects.get(username="ada")
print("task", demo.create_import(owner, "contacts.csv", demo.lines({rows})).pk)
"""
ACT = "from apps.tasks import work; from apps.tasks.models import Task; print(work.{action}(Task.objects.get(pk={pk})))"


class Database:
    """The database of a project: starts imports and returns their state."""

    def __init__(self, folder):
        self.file = folder / "db.sqlite3"
        self.environment = servers.environment_for(folder)

    def query(self, sql, *parameters):
        with contextlib.closing(sqlite3.connect(self.file, timeout=20)) as database, database:
            return database.execute(sql, parameters).fetchall()

    def shell(self, code):
        return servers.manage("shell", "--no-imports", "--command", code, environment=self.environment)

    def start_import(self, rows=ROWS):
        """Queue the import of the example file and return the key of its task."""
        return int(self.shell(START.format(rows=rows)).split()[-1])

    def act(self, key, action):
        assert self.shell(ACT.format(action=action, pk=key)).split()[-1] == "True"

    def task(self, key):
        """Return the state and the rows of a task."""
        return self.query("SELECT state, rows FROM tasks_task WHERE id = ?", key)[0]

    def wait_for_rows(self, key, rows):
        wait_until(lambda: self.task(key)[1] >= rows, TIMEOUT)

    def wait_for_state(self, key, state):
        wait_until(lambda: self.task(key)[0] == state, TIMEOUT)

    def expire_leases(self):
        self.query(
            "UPDATE django_tasks_database_dbtaskresult SET run_after = '2020-01-01' WHERE status = 'RUNNING'"
        )


@pytest.fixture
def database(migrated, tmp_path):
    servers.copy_database(migrated, tmp_path)
    return Database(tmp_path)


def assert_all_imported_once(database, key):
    bad = ROWS // 100
    assert database.query("SELECT rows, bad FROM tasks_task WHERE id = ?", key) == [(ROWS, bad)]
    assert database.query("SELECT count(*) FROM tasks_contact") == [(ROWS - bad,)]
    assert database.query("SELECT 1 FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'") == []


def test_an_import_survives_two_crashes_with_every_row_once(database):
    key = database.start_import()
    for part in (0.1, 0.5):
        with servers.task_worker(database.environment):
            database.wait_for_rows(key, ROWS * part)
        assert database.task(key)[1] < ROWS, "the worker was killed before the end"
        database.expire_leases()
    with servers.task_worker(database.environment):
        database.wait_for_state(key, "done")
    assert_all_imported_once(database, key)


@pytest.mark.soak
def test_a_worker_takes_over_the_task_of_a_dead_worker_within_seconds(database):
    key = database.start_import()
    with servers.task_worker(database.environment):
        database.wait_for_rows(key, 2000)
    with servers.task_worker(database.environment):
        database.wait_for_state(key, "done")
    assert_all_imported_once(database, key)


def test_a_worker_stops_soon_after_sigterm_and_the_next_one_continues(database):
    key = database.start_import()
    with servers.task_worker(database.environment) as worker:
        database.wait_for_rows(key, 2000)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    assert not database.query(RUNNING)
    with servers.task_worker(database.environment):
        database.wait_for_state(key, "done")
    assert_all_imported_once(database, key)


def test_a_frozen_worker_leaves_its_task_to_the_worker_that_took_over(database):
    key = database.start_import()
    with servers.task_worker(database.environment) as worker:
        database.wait_for_rows(key, 2000)
        freeze_between_batches(database, worker)
        database.expire_leases()
        reached = database.task(key)[1]
        with servers.task_worker(database.environment) as other:
            database.wait_for_rows(key, reached + 2000)
            worker.send_signal(signal.SIGCONT)
            database.wait_for_state(key, "done")
            wait_until(lambda: not database.query(RUNNING), TIMEOUT)
            assert (worker.poll(), other.poll()) == (None, None)
    assert_all_imported_once(database, key)


def freeze_between_batches(database, worker):
    """Freeze a worker while this test holds the write lock, so that the worker does not hold it."""
    with contextlib.closing(sqlite3.connect(database.file, timeout=TIMEOUT)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        worker.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED)


def test_a_cancelled_import_stops_and_continues_after_a_retry(database):
    key = database.start_import()
    with servers.task_worker(database.environment) as worker:
        database.wait_for_rows(key, 2000)
        freeze_between_batches(database, worker)
        database.act(key, "cancel")
        state, rows = database.task(key)
        worker.send_signal(signal.SIGCONT)
        wait_until(lambda: not database.query(RUNNING), TIMEOUT)
        assert (state, rows < ROWS) == ("cancelled", True)
        assert database.task(key) == (state, rows)
        database.act(key, "retry")
        database.wait_for_state(key, "done")
    assert_all_imported_once(database, key)
