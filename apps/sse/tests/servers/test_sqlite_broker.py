"""How a process hears of what others have committed to a SQLite file."""

import asyncio
import contextlib
import os
import sqlite3

import pytest
from django.db import connection

from apps.sse.brokers.database import TABLE, file, sqlite
from apps.sse.models import STORED
from apps.sse.tests.contract import Listening
from apps.sse.wire.events import Event

FOR_EVER = 1000
TIMEOUT_SECONDS = 5

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the default database is another"),
]


class Stranger:
    """Another process, as far as the broker can tell, with a copy of the test's database."""

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
def stranger(tmp_path, monkeypatch):
    stranger = Stranger(tmp_path / "db.sqlite3")
    monkeypatch.setattr(sqlite, "database_path", lambda: stranger.path)
    return stranger


@pytest.fixture
def listening(stranger):
    """What `listen` does, started after the test has said how."""
    return lambda: Listening(sqlite.SQLiteBroker())


def test_the_system_tells_of_a_commit_of_another_process(stranger, listening, monkeypatch):
    monkeypatch.setattr(sqlite, "MIN_POLL_SECONDS", FOR_EVER / 2)
    monkeypatch.setattr(sqlite, "MAX_POLL_SECONDS", FOR_EVER)
    with listening() as heard:
        stranger.publish()
        stranger.write("CREATE TABLE what_is_told_of_too_early_shows_at_the_next_write (id)")
        assert heard.woken.wait(TIMEOUT_SECONDS)


def test_a_commit_that_the_system_tells_of_too_early_is_seen_soon_after(stranger, listening, monkeypatch):
    monkeypatch.setattr(sqlite, "MAX_POLL_SECONDS", FOR_EVER)
    with listening() as heard:
        for _ in range(50):
            heard.woken.clear()
            stranger.publish()
            assert heard.woken.wait(TIMEOUT_SECONDS)


@pytest.mark.parametrize("told", [True, False])
def test_a_commit_that_the_system_does_not_tell_of_is_heard_all_the_same(stranger, listening, monkeypatch, told):
    nothing = contextlib.nullcontext(told)
    monkeypatch.setattr(sqlite, "watch_writes", lambda *_: nothing)
    with listening() as heard:
        stranger.publish()
        assert heard.woken.wait(TIMEOUT_SECONDS)


async def test_writes_to_the_file_that_a_link_leads_to_are_told_of(stranger, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to(stranger.path)
    told = asyncio.Event()
    with file.watch_writes(link, told.set):
        stranger.publish()
        await asyncio.wait_for(told.wait(), TIMEOUT_SECONDS)


def test_where_the_system_tells_of_no_writes_the_broker_knows_it(monkeypatch, tmp_path):
    monkeypatch.setattr(file.sys, "platform", "elsewhere")
    with file.watch_writes(tmp_path / "db.sqlite3", print) as told:
        assert not told


def test_commits_without_an_event_wake_nobody(stranger, listening):
    with listening() as heard:
        stranger.write("CREATE TABLE another (id)")
        for n in range(20):
            stranger.write("INSERT INTO another VALUES (?)", [n])
        assert not heard.woken.wait(0.3)


def test_a_file_that_takes_the_place_of_the_database_is_heard_instead(stranger, listening, tmp_path, monkeypatch):
    (tmp_path / "restored").mkdir()
    restored = Stranger(tmp_path / "restored" / "db.sqlite3")
    link = tmp_path / "link"
    link.symlink_to(stranger.path)
    monkeypatch.setattr(sqlite, "database_path", lambda: link)
    with listening() as heard:
        (tmp_path / "new").symlink_to(restored.path)
        os.replace(tmp_path / "new", link)
        assert heard.woken.wait(TIMEOUT_SECONDS), "a replaced log"
        for _ in range(3):
            heard.woken.clear()
            restored.publish()
            assert heard.woken.wait(TIMEOUT_SECONDS)


async def test_a_file_that_is_gone_ends_the_listening(stranger):
    with pytest.raises(FileNotFoundError):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await sqlite.SQLiteBroker().listen(stranger.path.unlink)


def test_a_look_tells_whether_the_log_has_changed_since_the_last(stranger):
    with contextlib.closing(file.LogFile(stranger.path)) as log:
        log.has_changed()
        assert not log.has_changed()
        stranger.publish()
        assert [log.has_changed(), log.has_changed(), log.is_replaced()] == [True, False, False]
