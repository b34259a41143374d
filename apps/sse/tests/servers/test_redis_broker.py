"""The broker with the log in a Redis or Valkey server."""

import asyncio
import contextlib

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from redis.exceptions import ConnectionError, RedisError

from apps.sse.brokers import Gap, get_broker, redis
from apps.sse.brokers.redis import RedisBroker, circuit_breaker
from apps.sse.tests.contract import BrokerContract, Listening
from apps.sse.tests.servers.logs import log_texts, outbox_texts

TIMEOUT_SECONDS = 10

pytestmark = pytest.mark.django_db(transaction=True)
event = BrokerContract.event


@pytest.fixture
def broker(valkey):
    broker = RedisBroker(valkey.url)
    yield broker
    broker.close()


class TestRedisBroker(BrokerContract):
    @pytest.fixture
    def broker(self, broker):
        return broker


class TestServer:
    def test_numbers_continue_after_a_restart(self, broker, valkey):
        broker.append(event(text="1"))
        [first] = broker.tail(1)
        valkey.stop()
        with pytest.raises(RedisError):
            broker.tail(1)
        valkey.start()
        broker.append(event(text="2"))
        [second] = broker.read(first.position, 10)
        assert (second.text, second.number) == ("2", first.number + 1)

    def test_a_wiped_log_is_a_gap_and_gets_a_new_mark(self, broker):
        for n in range(3):
            broker.append(event(text=str(n)))
        positions = [e.position for e in broker.tail(3)]
        broker._client.flushall()
        for _ in range(2):
            for position in positions:
                with pytest.raises(Gap):
                    broker.read(position, 10)
            [mark] = broker.tail(10)
            assert (mark.channel, broker.latest(["news"])) == ("", [])
        broker.append(event(text="new"))
        assert [e.text for e in broker.read(mark.position, 10)] == ["new"]
        with pytest.raises(Gap):
            broker.read(positions[1], 10)

    async def test_a_killed_server_ends_the_listening(self, broker, valkey):
        with pytest.raises((ConnectionError, OSError)):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await broker.listen(valkey.stop)

    async def test_a_frozen_server_ends_the_listening(self, broker, valkey, monkeypatch):
        monkeypatch.setattr(redis, "SILENCE_SECONDS", 0.2)
        with pytest.raises(ConnectionError, match="did not respond"):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await broker.listen(valkey.freeze)

    async def test_a_server_that_answers_pings_is_listened_to(self, broker, monkeypatch):
        monkeypatch.setattr(redis, "SILENCE_SECONDS", 0.05)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await broker.listen(lambda: None)

    def test_maintenance_drops_old_events(self, broker, settings):
        broker.append(event(text="old"))
        broker.maintain()
        broker.append(event(text="newest"))
        settings.SSE_RETENTION_AGE = 0
        broker.maintain()
        assert log_texts(broker) == ["newest"]

    def test_a_server_with_full_memory_accepts_events_again_after_trimming(self, broker, settings, monkeypatch):
        monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0)
        for n in range(300):
            broker.append(event(text=f"{n} {'x' * 10_000}"))
        used = broker._client.info("memory")["used_memory"]
        broker._client.config_set("maxmemory", used - 1_000_000)
        broker.append(event(text="waits"))
        assert outbox_texts() == ["waits"]
        settings.SSE_RETENTION_BYTES = 1_000_000
        broker.maintain()
        broker.maintain()
        assert (log_texts(broker)[-1], outbox_texts()) == ("waits", [])


class TestIndex:
    """Which finds the events of some channels between many others."""

    CHANNELS = ("rare", "busy", "other", "busy", "busy", "other", "busy")

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch):
        monkeypatch.setattr(redis, "PAGE", 5)

    def fill(self, broker, count, channels=CHANNELS):
        """Append events, each tenth of which is not durable."""
        broker._put([event(channels[n % len(channels)], str(n), durable=n % 10 != 9) for n in range(count)])

    def check(self, broker, *wanted):
        """Read page by page."""
        start = position = broker.tail(1000)[0].position
        found = []
        while page := broker.read(position, 7, wanted):
            found += page
            position = page[-1].position
        assert found == [e for e in broker.read(start, 1000) if e.durable and e.channel in wanted]

    def indexed(self, broker):
        """Return the entries of the index."""
        return broker._client.zrange(broker._keys[5], 0, -1)

    @pytest.mark.parametrize("wanted", [["rare"], ["busy"], ["rare", "busy", "nobody"], ["busy", "other", "rare"]])
    @pytest.mark.parametrize("count", [3, 70, 71, 150, 250])
    def test_events_are_found_with_it_and_between_those_that_are_not_in_it_yet(self, broker, count, wanted):
        broker.tail(1)
        self.fill(broker, count)
        for _ in range(2):
            self.check(broker, *wanted)
            self.fill(broker, 20)

    def test_the_log_of_an_older_version_gets_an_index(self, broker, monkeypatch):
        self.fill(broker, 250)
        broker._client.delete(*broker._keys[5:])
        assert not self.indexed(broker)
        self.check(broker, "rare")
        self.check(broker, "busy", "other")
        broker.trim()
        assert len(self.indexed(broker)) == 225

    def test_a_publisher_of_an_older_version_is_not_missed(self, broker):
        self.fill(broker, 150)
        self.check(broker, "rare")
        fields = broker._client.xrevrange(broker._log, count=1)[0][1]
        for _ in range(12):
            broker._client.xadd(broker._log, fields | {"channel": "rare", "durable": "1"}, "0-*")
        self.fill(broker, 7)
        self.check(broker, "rare")

    def test_it_is_built_again_after_an_older_version_has_trimmed_the_log_alone(self, broker):
        self.fill(broker, 300)
        broker._client.xtrim(broker._log, maxlen=50, approximate=False)
        broker.trim()
        self.check(broker, "rare")
        assert len(self.indexed(broker)) <= 50

    def test_it_shrinks_with_the_log(self, broker, settings):
        settings.SSE_RETENTION_COUNT = 1000
        for start in range(0, 100_000, 1000):
            broker._put([event(f"user-{n}", "") for n in range(start, start + 1000)])
        broker.trim()
        kept = [e for e in broker.tail(2000) if e.channel]
        assert [e.channel for e in kept] == [f"user-{n}" for n in range(99_000, 100_000)]
        assert self.indexed(broker) == [f"{e.channel} {e.number:016}" for e in kept]
        self.check(broker, "user-99500", "user-99999", "user-1")

    def test_events_are_found_while_the_memory_of_the_server_is_full(self, broker):
        self.fill(broker, 150)
        broker._client.config_set("maxmemory", 1)
        self.check(broker, "rare", "other")


class TestTransaction:
    def test_events_keep_their_order_whether_durable_or_not(self, broker):
        with transaction.atomic():
            for n in range(8):
                broker.append(event(text=str(n), durable=n not in {0, 3, 4}))
        assert log_texts(broker) == list("01234567")

    def test_events_of_a_commit_hook_follow_those_of_the_transaction(self, broker, monkeypatch):
        monkeypatch.setattr(redis, "OUTBOX_SECONDS", 1000)
        broker.append(event(text="the outbox counts as empty"))
        with transaction.atomic():
            transaction.on_commit(lambda: broker.append(event(text="hook")))
            broker.append(event(text="transaction"))
        assert log_texts(broker)[1:] == ["transaction", "hook"]

    def test_a_rollback_leaves_nothing_to_the_next_transaction(self, broker):
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            broker.append(event(text="rolled back"))
            broker.append(event(text="rolled back", durable=False))
            raise ZeroDivisionError
        with transaction.atomic():
            with contextlib.suppress(ZeroDivisionError), transaction.atomic():
                broker.append(event(text="rolled back to a savepoint"))
                raise ZeroDivisionError
            broker.append(event(text="committed"))
        assert (log_texts(broker), outbox_texts()) == (["committed"], [])

    def test_maintenance_publishes_the_events_of_a_manual_commit(self, broker):
        transaction.set_autocommit(False)
        try:
            broker.append(event(text="rolled back"))
            transaction.rollback()
            broker.append(event(text="committed"))
            broker.append(event(text="not durable", durable=False))
            transaction.commit()
        finally:
            transaction.set_autocommit(True)
        broker.maintain()
        assert (log_texts(broker), outbox_texts()) == (["committed", "not durable"], [])

    @pytest.mark.parametrize("reachable", [True, False])
    def test_outside_a_transaction_an_event_that_is_not_durable_never_touches_the_database(
        self, broker, valkey, reachable
    ):
        broker.append(event(text="1"))
        if not reachable:
            valkey.stop()
            broker.append(event(text="waits"))
        connection.close()
        broker.append(event(text="2", durable=False))
        assert connection.connection is None
        if reachable:
            assert log_texts(broker) == ["1", "2"]

    def test_outside_a_transaction_the_database_is_not_used(self, broker, monkeypatch):
        monkeypatch.setattr(redis, "OUTBOX_SECONDS", 1000)
        broker.append(event(text="1"))
        connection.close()
        broker.append(event(text="2"))
        assert connection.connection is None
        assert log_texts(broker) == ["1", "2"]


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "redis://host:port/0",
            "redis://host:70000/0",
            "redis://host/one",
            "redis://[host/0",
            "redis://host/0?no_such_option=1",
            "redis://host/0?socket_timeout=soon",
            "redis://:se/cret@host/0",
            "unix://",
            "unix://host/socket",
        ],
    )
    def test_an_invalid_url_is_refused_with_an_example(self, url):
        with pytest.raises(
            ImproperlyConfigured, match=r"SSE_BROKER_URL is not the URL .* redis://host:port/0"
        ) as refusal:
            RedisBroker(url)
        assert "cret" not in str(refusal.value)
        assert "'se'" not in str(refusal.value)

    def test_an_unknown_scheme_is_refused_without_the_password(self, settings):
        settings.SSE_BROKER_URL = "redis+tls://:secret@host/0"
        with pytest.raises(ImproperlyConfigured, match=r"SSE_BROKER_URL begins with 'redis\+tls'") as refusal:
            get_broker()
        assert "secret" not in str(refusal.value)

    def test_a_unix_socket_is_an_address(self, valkey):
        with (
            contextlib.closing(RedisBroker(f"{valkey.socket_url}?prefix=site")) as broker,
            Listening(broker) as listening,
        ):
            broker.append(event())
            assert listening.woken.wait(TIMEOUT_SECONDS)
            assert log_texts(broker) == ["hello"]

    @pytest.mark.parametrize("other", ["/0?prefix=other", "/1"])
    def test_several_sites_on_one_server_have_separate_logs(self, broker, valkey, other):
        other_site = RedisBroker(valkey.url.removesuffix("/0") + other)
        with contextlib.closing(other_site), Listening(broker) as listening, Listening(other_site) as others:
            other_site.append(event(text="theirs"))
            assert others.woken.wait(TIMEOUT_SECONDS)
            assert (log_texts(broker), log_texts(other_site)) == ([], ["theirs"])
            assert not listening.woken.wait(0.1)
