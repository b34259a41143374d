"""Responses and log entries if the database fails before a stream opens."""

import contextlib
import sqlite3

import pytest
from django.db import OperationalError, connection
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

from apps.sse import SSEView, databases
from apps.sse.delivery import log
from apps.sse.models import LoggedEvent

from .streams import WAYS, fetch

pytestmark = pytest.mark.django_db(transaction=True)
in_each_way = pytest.mark.parametrize("way", WAYS)


def querying(sql):
    """Return a view whose mount() runs a statement."""

    class Asking(SSEView):
        def mount(self, request, last_event_id):
            with connection.cursor() as cursor:
                cursor.execute(sql)

        async def stream(self, request):
            yield self.event("never", 1)

    return Asking.as_view()


@pytest.fixture(autouse=True)
def _nothing_was_logged_before():
    databases.log_once.cache_clear()


@in_each_way
@pytest.mark.parametrize("sql", ["SELECT 1 FROM not_migrated", "SELECT not_migrated FROM django_session"])
@pytest.mark.parametrize("debug", [True, False])
def test_a_database_that_was_not_migrated_is_logged_once_with_the_command_to_run(way, sql, debug, caplog):
    answers = [fetch(way, querying(sql), DEBUG=debug) for _ in range(3)]
    assert [answer.status for answer in answers] == [500] * 3
    assert all(("manage.py migrate" in answer.body.decode()) == debug for answer in answers)
    assert all(("not_migrated" in answer.body.decode()) == debug for answer in answers)
    [record] = [r for r in caplog.records if r.name == "apps.sse"]
    assert (record.levelname, record.exc_info) == ("ERROR", None)
    assert "not_migrated" in record.getMessage()
    assert record.getMessage().endswith("run `python manage.py migrate`.")


# Under WSGI a stream is open before the hub, which is on another loop, has begun.
@pytest.mark.parametrize("way", ["hand-off", "ASGI"])
def test_a_database_without_the_table_of_events_is_logged_once_with_the_command_to_run(
    way, settings, caplog, monkeypatch
):
    monkeypatch.setattr(log, "START_SECONDS", 0.5)
    settings.SSE_BROKER_URL = "database://"

    class Following(SSEView):
        channels = ["news"]

    with without_table(LoggedEvent):
        answers = [fetch(way, Following.as_view(), DEBUG=True) for _ in range(2)]
    [message] = [r.getMessage() for r in caplog.records if "manage.py migrate" in r.getMessage()]
    assert [(answer.status, answer.body.decode().strip()) for answer in answers] == [(500, message)] * 2


@contextlib.contextmanager
def without_table(model):
    with connection.schema_editor() as editor:
        editor.delete_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(model)


@in_each_way
def test_an_invalid_statement_is_logged_as_a_bug(way, caplog):
    answer = fetch(way, querying("SELECT FROM WHERE"))
    assert answer.status == 500
    assert "migrate" not in caplog.text
    assert [(record.name, bool(record.exc_info)) for record in caplog.records] == [("django.request", True)]


@pytest.fixture(autouse=True)
def _each_refusal_is_logged(monkeypatch):
    monkeypatch.setattr(databases, "LOG_SECONDS", 0)
    monkeypatch.setattr(databases.refusals, "_next_at", 0)


@in_each_way
def test_clients_reconnect_after_an_outage_of_the_database(way, caplog):
    class Away(SSEView):
        async def mount(self, request, last_event_id):
            raise OperationalError("the connection is closed")

    assert_retry_later(fetch(way, Away.as_view()), caplog)


@in_each_way
def test_clients_reconnect_after_a_lock_of_the_database(way, caplog, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "database", timeout=0)) as other:
        other.execute("CREATE TABLE locked (id)")
        other.execute("BEGIN EXCLUSIVE")

        class Locked(SSEView):
            def mount(self, request, last_event_id):
                with (
                    SQLite({}).wrap_database_errors,
                    contextlib.closing(sqlite3.connect(tmp_path / "database", timeout=0)) as file,
                ):
                    file.execute("SELECT 1 FROM locked")

        assert_retry_later(fetch(way, Locked.as_view()), caplog)


def assert_retry_later(answer, caplog):
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    [record] = [r for r in caplog.records if r.name == "apps.sse"]
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith("/stream/: the database cannot be used (")
