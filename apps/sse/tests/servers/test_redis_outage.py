"""Events and streams during an outage of Redis or Valkey."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction
from redis.exceptions import ConnectionError, ReadOnlyError

from apps.sse import close_streams
from apps.sse.brokers.redis import RedisBroker, address, circuit_breaker
from apps.sse.delivery import log
from apps.sse.tests.contract import BrokerContract
from apps.sse.tests.followers import until
from apps.sse.tests.opened import Opened
from apps.sse.tests.servers.frozen import Proxy, check_that_followers_are_dropped_while_it_is_frozen
from apps.sse.tests.servers.logs import log_texts, outbox_texts
from apps.sse.tests.streams import make_user

TIMEOUT_SECONDS = 10

pytestmark = pytest.mark.django_db(transaction=True)
event = BrokerContract.event


@pytest.fixture
def broker(valkey):
    broker = RedisBroker(valkey.url)
    yield broker
    broker.close()


@pytest.fixture
def without_pause(monkeypatch):
    """Let each publisher try to reach the server."""
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0)


class TestFreeze:
    async def test_followers_are_dropped_while_the_server_does_not_answer(self, broker, valkey, monkeypatch):
        for limit in ("socket_timeout", "socket_connect_timeout"):
            monkeypatch.setitem(address._OPTIONS, limit, 0.5)
        with contextlib.closing(Proxy(valkey.url)) as proxy, contextlib.closing(RedisBroker(proxy.url)) as frozen:
            await check_that_followers_are_dropped_while_it_is_frozen(proxy, frozen, broker.append, monkeypatch)


class TestClosing:
    async def test_a_stream_that_is_closed_during_an_outage_ends_after_it(self, valkey, settings, monkeypatch):
        monkeypatch.setattr(log, "MAINTENANCE_SECONDS", 0.1)
        settings.SSE_BROKER_URL = valkey.url
        ada, grace, other = (make_user(name) for name in ("ada", "grace", "other"))
        async with Opened(ada) as hers, Opened(grace) as also_ended, Opened(other) as stays:
            await asyncio.to_thread(valkey.stop)
            close_streams(user=ada)
            with transaction.atomic():
                close_streams(user=grace)
            await asyncio.to_thread(valkey.start)
            await until(lambda: hers.is_ended and also_ended.is_ended)
            assert (hers.end_reason, also_ended.end_reason, stays.is_ended) == ("access", "access", False)


class TestOutage:
    def test_events_that_are_committed_during_an_outage_arrive_after_it_in_order(self, broker, valkey):
        broker.append(event(text="before"))
        valkey.stop()
        with transaction.atomic():
            broker.append(event(text="1"))
            broker.append(event(text="2"))
        broker.append(event(text="3"))
        with transaction.atomic():
            broker.append(event(text="4"))
        broker.maintain()
        valkey.start()
        assert log_texts(broker) == ["before"]
        broker.append(event(text="5"))
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["before", *"12345"], [])

    def test_the_first_event_after_an_outage_follows_those_in_the_outbox(self, broker, valkey, without_pause):
        valkey.stop()
        broker.append(event(text="1"))
        with transaction.atomic():
            broker.append(event(text="2"))
        valkey.start()
        broker.append(event(text="3"))
        assert (log_texts(broker), outbox_texts()) == (["1", "2", "3"], [])

    def test_an_event_follows_those_that_another_thread_left_in_the_outbox(self, broker, valkey, without_pause):
        def leave_one():
            valkey.stop()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(broker.append, event(text="3")).result()
                pool.submit(connections.close_all).result()
            valkey.start()

        with transaction.atomic():
            transaction.on_commit(leave_one)
            broker.append(event(text="1"))
            broker.append(event(text="2", durable=False))
        broker.append(event(text="4"))
        assert (log_texts(broker), outbox_texts()) == (["1", "2", "3", "4"], [])

    def test_the_begin_and_the_end_of_an_outage_are_logged_once(self, broker, valkey, without_pause, caplog):
        valkey.stop()
        for n in range(3):
            broker.append(event(text=str(n)))
            broker.append(event(text="lost", durable=False))
            broker.maintain()
        valkey.start()
        for _ in range(3):
            broker.maintain()
        assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
        assert (
            caplog.records[1].getMessage()
            == "Redis accepts events again. 3 events that were not durable were lost."
        )
        assert log_texts(broker) == ["0", "1", "2"]

    def test_publishing_during_an_outage_does_not_contact_the_server_each_time(self, broker, valkey, monkeypatch):
        tries = []
        run = broker._run
        monkeypatch.setattr(broker, "_run", lambda *arguments: tries.append(1) or run(*arguments))
        monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 1000)
        valkey.stop()
        for n in range(10):
            broker.append(event(text=str(n)))
        assert len(tries) == 1
        assert outbox_texts() == [str(n) for n in range(10)]

    def test_an_event_whose_answer_was_lost_is_logged_once(self, broker, monkeypatch, without_pause):
        run = broker._run

        def run_and_break(*arguments):
            run(*arguments)
            raise ConnectionError("after the command was executed")

        monkeypatch.setattr(broker, "_run", run_and_break)
        broker.append(event(text="once"))
        monkeypatch.undo()
        assert outbox_texts() == ["once"]
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["once"], [])

    def test_a_server_that_became_a_replica_is_connected_to_again(self, broker, without_pause):
        broker.append(event(text="1"))
        before = broker._client.client_id()
        broker._client.execute_command("REPLICAOF", "127.0.0.1", "1")
        broker.append(event(text="2"))
        assert (log_texts(broker), outbox_texts()) == (["1"], ["2"])
        assert broker._client.client_id() != before
        broker._client.execute_command("REPLICAOF", "NO", "ONE")
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["1", "2"], [])

    def test_maintenance_fails_if_the_server_became_a_replica(self, broker):
        broker.append(event())
        broker._client.execute_command("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(ReadOnlyError):
            broker.maintain()

    @pytest.mark.parametrize("detected", [True, False])
    def test_a_connection_that_broke_while_idle_is_no_outage(self, broker, valkey, monkeypatch, caplog, detected):
        broker.append(event(text="1"))
        if not detected:
            monkeypatch.setattr("redis.connection.AbstractConnection.can_read", lambda *_, **__: False)
        valkey.stop()
        valkey.start()
        broker.append(event(text="2"))
        assert (log_texts(broker), outbox_texts(), caplog.records) == (["1", "2"], [], [])
