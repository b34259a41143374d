"""How a process detects what others commit to a SQLite file."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection

from apps.sse.brokers.database import TABLE, file, sqlite
from apps.sse.models import STORED
from apps.sse.tests.contract import Listening
from apps.sse.wire.events import Event
from tests.servers import wait_until

NEVER = 1000
TIMEOUT_SECONDS = 5

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the default database is not SQLite"),
]


class OtherProcess:
    """Stands for another process, and has a copy of the test's database."""

    def __init__(self, path):
        self.path = path
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(path)])
        self.write("PRAGMA journal_mode=WAL")

    def write(self, sql, parameters=()):
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            database.execute(sql, parameters)

    def publish(self):
        event = Event(channel="news", name="item", text="hello")
        sql = f"INSERT INTO {TABLE} ({', '.join(STORED)}) VALUES ({', '.join('?' * len(STORED))})"
        self.write(sql, [getattr(event, name) for name in STORED])


@pytest.fixture
def other_process(tmp_path, monkeypatch):
    other_process = OtherProcess(tmp_path / "db.sqlite3")
    monkeypatch.setattr(sqlite, "database_path", lambda: other_process.path)
    return other_process


@pytest.fixture
def listening(other_process):
    """Start `listen`, after the test has changed its settings."""
    return lambda: Listening(sqlite.SQLiteBroker())


def test_inotify_reports_a_commit_of_another_process(other_process, listening, monkeypatch):
    monkeypatch.setattr(sqlite, "MIN_POLL_SECONDS", NEVER / 2)
    monkeypatch.setattr(sqlite, "MAX_POLL_SECONDS", NEVER)
    with listening() as running:
        other_process.publish()
        # inotify may have reported the commit too early; it reports this write, too.
        other_process.write("CREATE TABLE another (id)")
        assert running.woken.wait(TIMEOUT_SECONDS)


def test_a_commit_that_inotify_reports_too_early_is_seen_soon_after(other_process, listening, monkeypatch):
    monkeypatch.setattr(sqlite, "MAX_POLL_SECONDS", NEVER)
    with listening() as running:
        for _ in range(50):
            running.woken.clear()
            other_process.publish()
            assert running.woken.wait(TIMEOUT_SECONDS)


def test_the_last_of_overlapping_commits_is_seen_without_a_periodic_check(other_process, listening, monkeypatch):
    monkeypatch.setattr(sqlite, "MAX_POLL_SECONDS", NEVER)
    with listening() as running:
        for round in range(1, 21):
            writers = [threading.Thread(target=other_process.publish) for _ in range(3)]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
            wait_until(lambda: any(e.number == 3 * round for events in running.newest for e in events))  # noqa: B023


def test_an_event_of_the_only_writer_leads_to_no_further_check(other_process, listening, monkeypatch):
    checks = []
    monkeypatch.setattr(sqlite, "MAX_POLL_SECONDS", NEVER)
    newest = file.LogFile.newest
    monkeypatch.setattr(file.LogFile, "newest", lambda log: checks.append(time.monotonic()) or newest(log))
    with listening() as running:
        for _ in range(5):
            running.woken.clear()
            other_process.publish()
            assert running.woken.wait(TIMEOUT_SECONDS)
            published_at = time.monotonic()
            time.sleep(0.2)
            assert checks[-1] < published_at + 0.02


def test_a_transaction_counts_as_written_until_its_commit_is_visible(other_process):
    with contextlib.closing(file.LogFile(other_process.path)) as log:
        log.newest()
        assert not log.has_writer()
        with contextlib.closing(sqlite3.connect(other_process.path, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            assert log.has_writer()
            database.execute("COMMIT")
            assert not log.has_writer()
            database.execute("PRAGMA wal_checkpoint")
        other_process.publish()
        assert not log.has_writer()
        assert len(log.newest()) == 1


def test_the_end_of_a_watched_log_keeps_the_locks_of_this_process(other_process):
    with contextlib.closing(sqlite3.connect(other_process.path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with contextlib.closing(file.LogFile(other_process.path)) as log:
            log.newest()
            assert log.has_writer()
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute(sys.argv[2])"
        command = [sys.executable, "-c", code, other_process.path, "BEGIN IMMEDIATE"]
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "database is locked" in other.stderr


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_commit_that_inotify_does_not_report_is_seen_by_polling(
    other_process, listening, monkeypatch, is_watched
):
    silent = contextlib.nullcontext(is_watched)
    monkeypatch.setattr(sqlite, "watch_writes", lambda *_: silent)
    with listening() as running:
        other_process.publish()
        assert running.woken.wait(TIMEOUT_SECONDS)


async def test_writes_to_the_target_of_a_symbolic_link_are_reported(other_process, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to(other_process.path)
    reported = asyncio.Event()
    with file.watch_writes(link, reported.set):
        other_process.publish()
        await asyncio.wait_for(reported.wait(), TIMEOUT_SECONDS)


def test_a_system_without_inotify_is_detected(monkeypatch, tmp_path):
    monkeypatch.setattr(file.sys, "platform", "elsewhere")
    with file.watch_writes(tmp_path / "db.sqlite3", print) as is_watched:
        assert not is_watched


def test_commits_without_an_event_wake_no_listener(other_process, listening):
    with listening() as running:
        other_process.write("CREATE TABLE another (id)")
        for n in range(20):
            other_process.write("INSERT INTO another VALUES (?)", [n])
        assert not running.woken.wait(0.3)


def test_a_file_that_replaces_the_database_is_watched_instead(other_process, listening, tmp_path, monkeypatch):
    (tmp_path / "restored").mkdir()
    restored = OtherProcess(tmp_path / "restored" / "db.sqlite3")
    link = tmp_path / "link"
    link.symlink_to(other_process.path)
    monkeypatch.setattr(sqlite, "database_path", lambda: link)
    with listening() as running:
        (tmp_path / "new").symlink_to(restored.path)
        os.replace(tmp_path / "new", link)
        assert running.woken.wait(TIMEOUT_SECONDS), "a replaced log"
        for _ in range(3):
            running.woken.clear()
            restored.publish()
            assert running.woken.wait(TIMEOUT_SECONDS)


async def test_a_deleted_file_ends_the_listening(other_process):
    with pytest.raises(FileNotFoundError):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await sqlite.SQLiteBroker().listen(other_process.path.unlink)


def test_a_check_returns_the_newest_two_events_if_the_log_changed_since_the_last_one(other_process):
    with contextlib.closing(file.LogFile(other_process.path)) as log:
        log.newest()
        for count in (1, 2, 2):
            assert log.newest() is None
            other_process.publish()
            assert len(log.newest()) == count
        assert not log.is_replaced()
