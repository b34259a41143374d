"""What a client is told when the database fails in front of a stream."""

import contextlib
import sqlite3

import pytest
from django.db import OperationalError, connection
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

from apps.sse import SSEView
from apps.sse.db import errors
from apps.sse.delivery import log
from apps.sse.models import LoggedEvent

from .streams import WAYS, fetch

pytestmark = pytest.mark.django_db(transaction=True)
in_each_way = pytest.mark.parametrize("way", WAYS)


def asking(sql):
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
    errors.log_once.cache_clear()


@in_each_way
@pytest.mark.parametrize("sql", ["SELECT 1 FROM not_migrated", "SELECT not_migrated FROM django_session"])
@pytest.mark.parametrize("debug", [True, False])
def test_a_database_that_was_not_migrated_is_said_once_with_what_to_run(way, sql, debug, caplog):
    answers = [fetch(way, asking(sql), DEBUG=debug) for _ in range(3)]
    assert [answer.status for answer in answers] == [500] * 3
    assert all(("manage.py migrate" in answer.body.decode()) == debug for answer in answers)
    assert all(("not_migrated" in answer.body.decode()) == debug for answer in answers)
    [said] = [record for record in caplog.records if record.name == "apps.sse"]
    assert (said.levelname, said.exc_info) == ("ERROR", None)
    assert "not_migrated" in said.getMessage()
    assert said.getMessage().endswith("run `python manage.py migrate`.")


# Under WSGI a stream is open before the hub, which is on another loop, has begun.
@pytest.mark.parametrize("way", ["hand-off", "ASGI"])
def test_a_database_without_the_table_of_events_is_said_once_with_what_to_run(way, settings, caplog, monkeypatch):
    monkeypatch.setattr(log, "START_SECONDS", 0.5)
    settings.SSE_BROKER_URL = "database://"

    class Following(SSEView):
        channels = ["news"]

    with without_table(LoggedEvent):
        answers = [fetch(way, Following.as_view(), DEBUG=True) for _ in range(2)]
    said = [record.getMessage() for record in caplog.records if "manage.py migrate" in record.getMessage()]
    assert len(said) == 1
    assert [(answer.status, answer.body.decode().strip()) for answer in answers] == [(500, said[0])] * 2


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
def test_a_mistake_in_a_statement_is_a_bug_that_is_logged_as_one(way, caplog):
    answer = fetch(way, asking("SELECT FROM WHERE"))
    assert answer.status == 500
    assert "migrate" not in caplog.text
    assert [(record.name, bool(record.exc_info)) for record in caplog.records] == [("django.request", True)]


@in_each_way
def test_a_database_that_cannot_be_reached_is_an_outage_from_which_clients_come_back(way, caplog):
    class Away(SSEView):
        async def mount(self, request, last_event_id):
            raise OperationalError("the connection is closed")

    assert_told_to_come_back(fetch(way, Away.as_view()), caplog)


@in_each_way
def test_a_locked_database_is_an_outage_from_which_clients_come_back(way, caplog, tmp_path):
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

        assert_told_to_come_back(fetch(way, Locked.as_view()), caplog)


def assert_told_to_come_back(answer, caplog):
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    [said] = [record for record in caplog.records if record.name == "apps.sse"]
    assert (said.levelname, said.getMessage()) == (
        "ERROR",
        "/stream/: the database failed. The client will try again.",
    )
