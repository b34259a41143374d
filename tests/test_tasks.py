"""Tasks with real workers, which are killed, told to stop, and replaced."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest
from httpx_sse import connect_sse

from tests import streaming
from tests.servers import ROOT, wait_until

example = pytest.importorskip("apps.tasks.example")

PATIENCE = 60
WORKER = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--interval", "0.1"]
PASSWORD = "demo"
RUNNING = "SELECT 1 FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING'"


class Visitor:
    """Somebody who is logged in, with the tasks that he has."""

    def __init__(self, url, username):
        self.http = httpx.Client(base_url=url, timeout=PATIENCE, follow_redirects=True)
        self.http.get("/accounts/login/")
        assert self.post("/accounts/login/", username=username, password=PASSWORD).status_code == 200

    def post(self, path, files=None, **data):
        data["csrfmiddlewaretoken"] = self.http.cookies["csrftoken"]
        return self.http.post(path, data=data, files=files, headers={"Referer": str(self.http.base_url)})

    def upload(self, text, name="contacts.csv"):
        """Upload a file and return the key of its task."""
        page = self.post("/tasks/", files={"file": (name, text)})
        return int(page.url.path.split("/")[2])

    def begin(self, rows):
        """Start an import of the example file and return the key of its task."""
        key = self.upload("".join(example.lines(rows)).encode())
        assert self.post(f"/tasks/{key}/start/").status_code == 200
        return key

    def act(self, key, action):
        assert self.post(f"/tasks/{key}/{action}/").status_code == 200

    @contextlib.contextmanager
    def following(self, key):
        """Follow a task's stream in the background: what it has told so far, and at its end None."""
        heard = []

        def listen():
            with connect_sse(
                self.http, "GET", "/api/tasks/progress/", params={"task_id": key}, timeout=PATIENCE
            ) as source:
                source.response.raise_for_status()
                heard.extend((event.event, json.loads(event.data)) for event in streaming.heard(source))
                heard.append(None)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        wait_until(lambda: heard or not thread.is_alive())
        yield heard
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the stream goes on"


class Database:
    """A look into the database: what is known of tasks and of the queue."""

    def __init__(self, file):
        self.file = file

    def query(self, sql, *parameters):
        with contextlib.closing(sqlite3.connect(self.file, timeout=20)) as database, database:
            return database.execute(sql, parameters).fetchall()

    def task(self, key):
        """Return the state and the rows of a task."""
        return self.query("SELECT state, rows FROM tasks_task WHERE id = ?", key)[0]

    def wait_for_rows(self, key, rows):
        wait_until(lambda: self.task(key)[1] >= rows, PATIENCE)

    def wait_for_state(self, key, state, seconds=PATIENCE):
        wait_until(lambda: self.task(key)[0] == state, seconds)

    def let_time_pass(self, seconds=11):
        """Make all that is waited for, and all signs of life, older."""
        earlier = str(datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds))
        self.query("UPDATE tasks_task SET beat_at = ? WHERE beat_at IS NOT NULL", earlier)
        self.query(
            "UPDATE django_tasks_database_dbtaskresult SET run_after = ? WHERE run_after < '9999-01-01'", earlier
        )


class Deployment(Database):
    """A server with its database, and workers that can be killed."""

    def __init__(self, server):
        super().__init__(server.log.parent / "db.sqlite3")
        self.server = server
        self.workers = []

    def worker(self):
        process = subprocess.Popen(WORKER, cwd=ROOT, env=self.server.environment, start_new_session=True)
        self.workers.append(process)
        return process

    def end(self):
        for process in self.workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def deployment(serve):
    with serve("uvicorn") as server:
        running = Deployment(server)
        try:
            yield running
        finally:
            running.end()


@pytest.fixture
def ada(deployment):
    return Visitor(deployment.server.url, "ada")


def bad_lines(rows):
    return [(number + 1,) for number in range(100, rows + 1, 100)]


def assert_all_is_there_once(deployment, key, rows):
    bad = rows // 100
    assert deployment.query("SELECT rows, bad FROM tasks_task WHERE id = ?", key) == [(rows, bad)]
    found = deployment.query("SELECT count(*), count(DISTINCT email) FROM tasks_contact")
    assert found == [(rows - bad, rows - bad)]
    assert deployment.query("SELECT line FROM tasks_rowerror WHERE task_id = ? ORDER BY line", key) == bad_lines(
        rows
    )
    assert deployment.query("SELECT count(*) FROM tasks_rowerror WHERE reason LIKE '%already%'") == [(0,)]


def assert_never_went_back(heard):
    assert heard[-1] is None, "it has ended"
    names = [name for name, data in heard[:-1]]
    assert names[-2:] == ["complete", "sse:end"]
    assert set(names[:-2]) == {"progress"}
    told = [data for name, data in heard[:-1] if name == "progress"]
    assert [data["rows"] for data in told] == sorted(data["rows"] for data in told)
    assert [data["percent"] for data in told] == sorted(data["percent"] for data in told)
    assert told[-1]["percent"] == 100
    assert len(told) >= 3


def import_with_two_crashes(deployment, ada, rows, after_a_crash):
    worker = deployment.worker()
    key = ada.begin(rows)
    with ada.following(key) as heard:
        for share in (0.2, 0.6):
            deployment.wait_for_rows(key, rows * share)
            worker.kill()
            worker.wait()
            assert deployment.task(key)[1] < rows, "it was killed in the middle"
            after_a_crash()
            worker = deployment.worker()
        deployment.wait_for_state(key, "done")
    assert_never_went_back(heard)
    assert_all_is_there_once(deployment, key, rows)


def test_an_import_survives_two_crashes_with_every_row_once(deployment, ada):
    import_with_two_crashes(deployment, ada, 25_000, deployment.let_time_pass)


@pytest.mark.soak
def test_a_large_import_survives_two_crashes_with_every_row_once(deployment, ada):
    import_with_two_crashes(deployment, ada, 300_000, lambda: None)


def test_a_worker_that_is_told_to_stop_does_so_soon_and_the_next_one_goes_on(deployment, ada):
    worker = deployment.worker()
    key = ada.begin(25_000)
    deployment.wait_for_rows(key, 3000)
    worker.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert worker.wait(10) == 0
    assert time.monotonic() - began < 5
    state, rows = deployment.task(key)
    assert (state, rows < 25_000) == ("waiting", True)
    deployment.worker()
    deployment.wait_for_state(key, "done")
    assert_all_is_there_once(deployment, key, 25_000)


def test_a_worker_that_was_only_asleep_leaves_the_task_to_the_one_that_has_claimed_it(deployment, ada):
    worker = deployment.worker()
    key = ada.begin(25_000)
    deployment.wait_for_rows(key, 3000)
    sleep_between_batches(deployment, worker)
    deployment.let_time_pass()
    other = deployment.worker()
    wait_until(lambda: deployment.task(key)[1] > 6000, PATIENCE)
    worker.send_signal(signal.SIGCONT)
    deployment.wait_for_state(key, "done")
    wait_until(lambda: not deployment.query(RUNNING), PATIENCE)
    assert_all_is_there_once(deployment, key, 25_000)
    assert deployment.query("SELECT 1 FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'") == []
    assert (worker.poll(), other.poll()) == (None, None)


def sleep_between_batches(deployment, worker):
    """Stop a worker at a moment at which it does not keep the database to itself: while this test does."""
    with contextlib.closing(sqlite3.connect(deployment.file, timeout=PATIENCE)) as database:
        database.execute("BEGIN IMMEDIATE")
        worker.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED)


def test_a_cancelled_import_stops_and_goes_on_when_it_is_retried(deployment, ada):
    deployment.worker()
    key = ada.begin(25_000)
    deployment.wait_for_rows(key, 2000)
    with ada.following(key) as heard:
        ada.act(key, "cancel")
    assert [data["status"] for name, data in heard[:-1] if name == "complete"] == ["cancelled"]
    rows = deployment.task(key)[1]
    assert rows < 25_000
    wait_until(lambda: not deployment.query(RUNNING), PATIENCE)
    assert deployment.task(key) == ("cancelled", rows)
    ada.act(key, "retry")
    deployment.wait_for_state(key, "done")
    assert_all_is_there_once(deployment, key, 25_000)
