"""The database broker where the default database is PostgreSQL: `tests/test_database.py` runs this there."""

import asyncio
import threading

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, transaction

from apps.sse.brokers.database import DatabaseBroker, postgresql
from apps.sse.testing import BrokerContract
from apps.sse.testing.contract import Listening
from tests.logs import log_of, waiting

PATIENCE_SECONDS = 10

pytestmark = pytest.mark.django_db(transaction=True)
event = BrokerContract.event


@pytest.fixture
def broker():
    return DatabaseBroker()


def in_a_thread(do):
    """Start doing it in a thread that has a database connection of its own."""

    def run():
        try:
            do()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def end_those_who_listen():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sse'")


def test_what_a_process_committed_before_it_was_killed_is_published_by_the_next_sweep(broker, monkeypatch):
    monkeypatch.setattr(broker, "_move", lambda: None)
    with transaction.atomic():
        broker.append(event(text="committed"))
    monkeypatch.undo()
    assert (log_of(broker), waiting()) == ([], ["committed"])
    for _ in range(2):
        broker.sweep()
        assert (log_of(broker), waiting()) == (["committed"], [])


def test_a_long_transaction_holds_up_nobody_and_its_events_come_when_it_commits(broker):
    [start] = broker.tail(1)
    begun, may_commit = threading.Event(), threading.Event()

    def take_long():
        with transaction.atomic():
            broker.append(event(text="long"))
            begun.set()
            may_commit.wait(PATIENCE_SECONDS)

    thread = in_a_thread(take_long)
    begun.wait(PATIENCE_SECONDS)
    with transaction.atomic():
        broker.append(event(text="short"))
    broker.append(event(text="straight"))
    assert log_of(broker) == ["short", "straight"]
    may_commit.set()
    thread.join()
    assert [e.text for e in broker.read(start.position, 10)] == ["short", "straight", "long"]


def test_events_that_wait_are_there_once_and_in_order_when_several_sweep_at_once(broker, monkeypatch):
    texts = [str(n) for n in range(200)]
    monkeypatch.setattr(broker, "_move", lambda: None)
    with transaction.atomic():
        for text in texts:
            broker.append(event(text=text))
    monkeypatch.undo()
    sweepers = [in_a_thread(broker.sweep) for _ in range(4)]
    for sweeper in sweepers:
        sweeper.join()
    assert (log_of(broker), waiting()) == (texts, [])


async def test_who_listens_learns_that_the_connection_broke(broker):
    loop = asyncio.get_running_loop()
    with pytest.raises(psycopg.OperationalError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await broker.listen(lambda: loop.run_in_executor(None, in_a_thread, end_those_who_listen))


async def test_a_pooler_that_swallows_notifications_is_found_out(broker, monkeypatch):
    monkeypatch.setattr(postgresql, "GREETING_SECONDS", 0.1)
    execute = psycopg.AsyncConnection.execute

    def execute_unless_listen(self, query, *arguments, **options):
        return execute(self, "SELECT 1" if query.startswith("LISTEN") else query, *arguments, **options)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", execute_unless_listen)
    with pytest.raises(ImproperlyConfigured, match="SSE_LISTEN_URL"):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await broker.listen(lambda: None)


def test_a_rollback_wakes_nobody(broker):
    with Listening(broker) as heard:
        with transaction.atomic():
            broker.append(event())
            transaction.set_rollback(True)
        assert not heard.woken.wait(0.2)
