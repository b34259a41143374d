"""The database broker if the default database is PostgreSQL; `test_database.py` runs this file."""

import asyncio
import contextlib
import os
import socket
import threading
import time

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, transaction

from apps.sse import publish
from apps.sse.brokers.database import DatabaseBroker, postgresql
from apps.sse.delivery.hub import get_hub
from apps.sse.tests.contract import BrokerContract, Listening
from apps.sse.tests.followers import RecordingFollower, until
from apps.sse.tests.servers.frozen import Proxy, check_that_followers_are_dropped_while_it_is_frozen
from apps.sse.tests.servers.logs import log_texts, outbox_texts
from tests.servers import wait_until

TIMEOUT_SECONDS = 10

pytestmark = pytest.mark.django_db(transaction=True)
event = BrokerContract.event


@pytest.fixture
def broker():
    return DatabaseBroker()


def in_a_thread(do):
    """Run `do` in a thread, which has its own database connections."""

    def run():
        try:
            do()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def servers_url():
    return "postgres://{USER}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)


def end_listening_connections():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sse'")


def test_the_next_maintenance_publishes_what_a_killed_process_committed(broker, monkeypatch):
    monkeypatch.setattr(broker, "_move", lambda: None)
    with transaction.atomic():
        broker.append(event(text="committed"))
    monkeypatch.undo()
    assert (log_texts(broker), outbox_texts()) == ([], ["committed"])
    for _ in range(2):
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["committed"], [])


def test_a_long_transaction_delays_no_other_and_its_events_follow_its_commit(broker):
    [start] = broker.tail(1)
    begun, may_commit = threading.Event(), threading.Event()

    def take_long():
        with transaction.atomic():
            broker.append(event(text="long"))
            begun.set()
            may_commit.wait(TIMEOUT_SECONDS)

    thread = in_a_thread(take_long)
    begun.wait(TIMEOUT_SECONDS)
    with transaction.atomic():
        broker.append(event(text="short"))
    broker.append(event(text="direct"))
    assert log_texts(broker) == ["short", "direct"]
    may_commit.set()
    thread.join()
    assert [e.text for e in broker.read(start.position, 10)] == ["short", "direct", "long"]


def test_concurrent_maintenance_moves_the_outbox_once_and_in_order(broker, monkeypatch):
    texts = [str(n) for n in range(200)]
    monkeypatch.setattr(broker, "_move", lambda: None)
    with transaction.atomic():
        for text in texts:
            broker.append(event(text=text))
    monkeypatch.undo()
    maintainers = [in_a_thread(broker.maintain) for _ in range(4)]
    for maintainer in maintainers:
        maintainer.join()
    assert (log_texts(broker), outbox_texts()) == (texts, [])


async def test_a_broken_connection_ends_the_listening(broker):
    loop = asyncio.get_running_loop()
    with pytest.raises(psycopg.OperationalError):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await broker.listen(lambda: loop.run_in_executor(None, in_a_thread, end_listening_connections))


async def test_a_pooler_that_drops_notifications_is_detected(broker, monkeypatch):
    monkeypatch.setattr(postgresql, "QUERY_SECONDS", 0.1)
    monkeypatch.setattr(postgresql, "_START", postgresql._START[1:])
    with pytest.raises(ImproperlyConfigured, match="SSE_LISTEN_URL"):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await broker.listen(lambda: None)


async def test_a_silent_server_ends_the_listening(broker, settings, monkeypatch):
    monkeypatch.setattr(postgresql, "QUERY_SECONDS", 0.2)
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 0.2)
    with contextlib.closing(Proxy(servers_url())) as proxy:
        settings.SSE_LISTEN_URL = proxy.url
        with pytest.raises(TimeoutError, match="did not respond"):
            async with asyncio.timeout(3 * TIMEOUT_SECONDS):
                await broker.listen(proxy.freeze)


async def test_followers_are_dropped_while_the_server_does_not_answer(broker, settings, monkeypatch):
    with contextlib.closing(Proxy(servers_url())) as proxy:
        settings.SSE_LISTEN_URL = proxy.url
        by_proxy = connection.settings_dict | {"HOST": "127.0.0.1", "PORT": proxy.port, "OPTIONS": {}}
        # This thread keeps its connection; other threads connect through the proxy.
        monkeypatch.setitem(connections.settings, "default", by_proxy)
        await check_that_followers_are_dropped_while_it_is_frozen(proxy, broker, broker.append, monkeypatch)


def test_every_connection_of_django_detects_a_vanished_server(broker):
    broker.append(event())
    with socket.socket(fileno=os.dup(connection.connection.pgconn.socket)) as of_django:
        assert of_django.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 25_000
        assert of_django.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert of_django.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


async def test_the_log_is_read_while_requests_use_up_the_pool(settings):
    settings.SSE_BROKER_URL = "database://"
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news")
    hub.join(follower)
    may_publish, may_end = threading.Event(), threading.Event()

    def hold():
        with connection.cursor():
            may_end.wait(TIMEOUT_SECONDS)

    def hold_and_publish():
        with connection.cursor():
            may_publish.wait(TIMEOUT_SECONDS)
            publish("news", "e", "arrived")
            may_end.wait(TIMEOUT_SECONDS)

    holders = [in_a_thread(hold_and_publish)]
    pool = connection.pool
    while pool.get_stats()["requests_waiting"] == 0:
        holders.append(in_a_thread(hold))
        await asyncio.sleep(0.05)
    try:
        may_publish.set()
        await until(lambda: follower.texts == ["arrived"])
    finally:
        may_end.set()
        for holder in holders:
            await asyncio.to_thread(holder.join)
        hub.close()


def test_events_of_any_size_and_in_any_number_wake_the_listener(broker):
    with Listening(broker) as listening:
        for text in ["a", "b" * 100_000, "c" * 100_000, "d"]:
            time.sleep(2 * postgresql.SILENCE_SECONDS)
            broker.append(event(text=text))
            wait_until(lambda: text in [e.text for events in listening.newest[-1:] for e in events])  # noqa: B023
        for size in (1, 50_000):
            for n in range(200):
                broker.append(event(text=f"{n}" * size))
            listening.woken.clear()
            time.sleep(2 * postgresql.SILENCE_SECONDS)
            broker.append(event(text="last"))
            wait_until(lambda: "last" in [e.text for events in listening.newest[-1:] for e in events])
    assert listening.failure is None


def test_a_role_that_may_not_read_the_log_may_listen(broker, settings):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE listener LOGIN")
    settings.SSE_LISTEN_URL = servers_url().replace("postgres@", "listener@")
    try:
        with Listening(broker) as listening:
            for _ in range(2):
                listening.woken.clear()
                time.sleep(2 * postgresql.SILENCE_SECONDS)
                broker.append(event())
                assert listening.woken.wait(TIMEOUT_SECONDS)
        assert not any(listening.newest)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE listener")


async def test_the_connection_that_listens_does_not_block_the_loop(broker, monkeypatch):
    found = []
    monkeypatch.setattr(postgresql._Listener, "receive", lambda self: found.append(self._connection.nonblocking))
    listening = asyncio.ensure_future(broker.listen(lambda: None))
    await until(lambda: found)
    listening.cancel()
    assert found[0]


def test_a_rollback_wakes_no_listener(broker):
    with Listening(broker) as listening:
        with transaction.atomic():
            broker.append(event())
            transaction.set_rollback(True)
        assert not listening.woken.wait(0.2)


async def test_a_cancelled_query_of_the_listener_does_not_delay_the_end(broker, monkeypatch):
    monkeypatch.setattr(postgresql, "_NEWEST", "SELECT pg_sleep(1000)")
    woken = asyncio.Event()
    listening = asyncio.ensure_future(broker.listen(woken.set))
    await asyncio.wait_for(woken.wait(), TIMEOUT_SECONDS)
    await asyncio.sleep(2 * postgresql.SILENCE_SECONDS)
    in_a_thread(lambda: broker.append(event())).join()
    await asyncio.sleep(0.1)
    listening.cancel()
    await asyncio.wait({listening}, timeout=1)
    assert listening.cancelled()
    in_a_thread(end_listening_connections).join()
