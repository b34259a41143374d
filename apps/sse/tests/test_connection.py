"""One connection: writing never waits, and nothing is left behind when it ends."""

import asyncio
import gc
import time

import pytest

from apps.sse.delivery.followers import BACKLOG_BYTES, BACKLOG_WRITES, send_to_all
from apps.sse.stats import metrics
from apps.sse.stream import registry
from apps.sse.stream.connection import KEEPALIVE, STALL_SECONDS
from apps.sse.stream.registry import Client
from apps.sse.wire.events import Event

from .followers import until
from .playing import TIMEOUT_SECONDS, Playing, Silent
from .streams import decode


async def test_data_is_sent_immediately_unless_the_socket_is_full():
    async with Playing() as it:
        it.connection.write(b"one")
        it.connection.write(b"two")
        assert it.socket.taken == [b"one", b"two"]


async def test_the_backlog_of_a_full_socket_is_sent_in_order_once_the_client_reads():
    async with Playing() as it:
        it.socket.fill()
        for data in (b"one ", b"two ", b"three"):
            it.connection.write(data)
        assert it.socket.taken == [b"one "]
        it.socket.drain()
        await it.connection.drain()
        assert it.socket.taken == [b"one ", b"two three"]
        it.connection.write(b"four")
        assert it.socket.taken[-1] == b"four"


@pytest.mark.parametrize(
    ("sent", "kept"), [("DDD", "D2"), ("Dp", "D0p1"), ("DpD", "D2"), ("DppDp", "D3p4"), ("pDp", "D1p2")]
)
async def test_the_backlog_of_latest_keeps_the_newest_durable_event_and_a_newer_transient_event(sent, kept):
    async with Playing() as it:
        it.connection.latest = True
        it.socket.fill()
        it.connection.write(b"now on its way ")
        for n, kind in enumerate(sent):
            for channel in "ab":
                event = Event(channel=channel, name="value", text=f"{channel}{kind}{n}", durable=kind == "D")
                send_to_all([it.connection], [event])
        it.socket.drain()
        await it.connection.drain()
        received = [event.data for event in decode(it.socket.taken[1].decode())]
        for channel in "ab":
            assert "".join(text[1:] for text in received if text[0] == channel) == kept


@pytest.mark.parametrize(
    ("size", "most"), [(1, BACKLOG_WRITES), (1024, BACKLOG_BYTES // 1024)], ids=["in count", "in bytes"]
)
async def test_a_client_that_does_not_read_is_disconnected_when_its_backlog_is_full(size, most):
    before = metrics.hang_ups["slow"]
    async with Playing() as it:
        it.socket.fill()
        it.connection.write(b"now on its way")
        for _ in range(most):
            it.connection.write(bytes(size))
        assert not it.connection.is_ended
        it.connection.write(bytes(size))
        assert it.connection.is_ended
        assert metrics.hang_ups["slow"] == before + 1
        it.socket.drain()
        await it.ended()
        assert it.source.is_cleaned_up
        assert it.socket.taken[0] == b"now on its way"
        assert it.socket.taken[1].startswith(b"retry: "), "the backlog was discarded"
        assert len(it.socket.taken) == 2


async def test_an_ended_stream_whose_client_does_not_read_counts_as_open_until_it_is_closed_by_force():
    async with Playing() as it:
        it.socket.fill()
        it.connection.write(b"now on its way")
        it.connection.end("age")
        await asyncio.sleep(0.05)
        assert it.source.is_cleaned_up
        assert it.connection in registry.all_open()
        it.connection.force_close()
        await it.ended()
        assert it.connection not in registry.all_open()
        it.socket.drain()
        await asyncio.sleep(0.01)
        assert (it.socket.taken, it.socket.is_complete) == ([b"now on its way"], False), (
            "it was sent something more"
        )


async def test_a_client_that_reads_gets_the_last_bytes_despite_a_forced_close():
    async with Playing() as it:
        it.connection.end("restart")
        it.connection.force_close()
        await it.ended()
        assert it.socket.taken[-1].startswith(b"retry: ")
        assert it.socket.is_complete


@pytest.mark.parametrize("end", ["end", "on_disconnect"])
async def test_when_run_returns_the_source_is_cleaned_up_and_the_connection_is_released_once(end):
    async with Playing() as it:
        assert it.released == []
        assert it.connection in registry.all_open()
        it.connection.end("age") if end == "end" else it.connection.on_disconnect()
        await it.ended()
        assert it.source.is_cleaned_up
        assert it.connection not in registry.all_open()
        assert it.released == [it.connection.client]


async def test_a_connection_that_never_ran_is_released():
    it = Playing()
    released = it.released
    del it
    gc.collect()
    assert released == [Client("me", "", "::1")]


async def test_nothing_is_sent_after_a_disconnect():
    async with Playing() as it:
        it.connection.on_disconnect()
        it.connection.write(b"too late")
        await it.ended()
        assert it.socket.taken == []


async def test_a_failing_socket_counts_as_a_disconnect():
    async with Playing() as it:

        async def fail(message):
            raise OSError("gone")

        it.connection.send = fail
        it.connection.write(b"data")
        await it.ended()
        assert it.source.is_cleaned_up


async def test_the_task_of_the_server_is_not_cancelled_when_a_stream_ends():
    """A server serves the next request of a kept-alive connection in the same task."""

    async def serve():
        await it.connection.run(it.socket.send)
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    it = Playing()
    serving = asyncio.ensure_future(serve())
    await it.source.is_playing.wait()
    it.connection.end("age")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        assert await serving == 0


class FinishesAfterWrite(Silent):
    """A source that writes once and is then finished."""

    async def play(self, connection):
        self.is_playing.set()
        await asyncio.sleep(0)
        connection.write(b"last bytes")


async def test_a_slow_client_gets_the_backlog_of_a_stream_that_is_finished_and_then_ended():
    async with Playing(FinishesAfterWrite()) as it:
        it.socket.fill()
        it.connection.write(b"now on its way ")
        await asyncio.sleep(0.01)
        assert it.connection.backlog_bytes == len(b"last bytes")
        it.connection.end("restart")
        it.socket.drain()
        await it.ended()
        assert b"last bytes" in it.socket.taken[1]


async def test_a_finished_stream_is_closed_by_force_if_its_client_does_not_read_the_end(monkeypatch):
    monkeypatch.setattr(registry, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(registry, "LINGER_SECONDS", 0.1)
    async with Playing(FinishesAfterWrite()) as it:
        it.socket.fill()
        it.connection.write(b"now on its way ")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert not await it.task
        assert it.connection.end_reason == "finished"
        assert it.released == [it.connection.client]


async def test_nothing_is_sent_after_a_backlog_that_could_not_be_sent(caplog):
    async with Playing() as it:
        it.socket.fill()
        it.connection.write(b"one")
        it.connection.write(b"lost")
        it.socket.error = RuntimeError("the handler is closed")
        it.socket.drain()
        await it.connection.drain()
        event = Event("news", "e", "after what was lost", number=3)
        send_to_all([it.connection], [event])
        await it.ended()
        assert event.frame not in it.socket.taken
    assert len(caplog.messages) == 1
    assert "the handler is closed" in caplog.text


async def test_keepalives_are_sent_during_silence_unless_the_socket_is_full():
    async with Playing(keepalive=10) as it:
        it.connection.write(b"data")
        now = it.connection.written_at
        it.connection.keep_alive(now + 8.5)
        assert it.socket.taken == [b"data"]
        it.connection.keep_alive(now + 9.5)
        assert it.socket.taken == [b"data", KEEPALIVE]
        it.socket.fill()
        it.connection.write(b"now on its way")
        it.connection.keep_alive(now + 30)
        it.socket.drain()
        await it.connection.drain()
        assert it.socket.taken == [b"data", KEEPALIVE, b"now on its way"]


async def test_a_client_that_reads_nothing_for_two_minutes_is_disconnected():
    async with Playing(keepalive=10) as it:
        it.socket.fill()
        it.connection.write(b"a little")
        now = it.connection.written_at
        it.connection.keep_alive(now + STALL_SECONDS - 2)
        assert not it.connection.is_ended
        it.connection.keep_alive(now + STALL_SECONDS + 0.1)
        assert it.connection.end_reason == "slow"


@pytest.mark.parametrize("tick", [0.99, 1.01])
async def test_an_interval_of_one_second_sends_a_keepalive_every_second(tick):
    async with Playing(keepalive=1) as it:
        it.connection.write(b"at the tick at 0")
        began = it.connection.written_at
        for number in range(1, 11):
            it.connection.keep_alive(began + number * tick)
            it.connection.written_at = began + number * tick
        assert it.socket.taken[1:] == [KEEPALIVE] * 10


async def test_a_dropped_client_gets_no_keepalive_with_a_position_that_it_has_not_reached():
    async with Playing(keepalive=10) as it:
        it.connection.keepalive_frame = lambda: b"id: further on\n\n"
        it.socket.fill()
        it.connection.write(b"now on its way")
        it.connection.drop("gap")
        it.socket.drain()
        await it.connection.drain()
        for now in (1000, 2000):
            it.connection.keep_alive(now)
        await it.ended()
        assert b"id: further on\n\n" not in it.socket.taken


async def test_an_exception_in_one_connection_ends_no_other(monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise LookupError("no keepalive")

    monkeypatch.setattr(registry, "TICK_SECONDS", 0.01)
    registry.stream_opened.connect(fail)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await (it := Playing()).connection.run(it.socket.send)
    finally:
        registry.stream_opened.disconnect(fail)
    assert it.connection.end_reason == "failed", "access to a stream that was not announced could not be withdrawn"
    async with Playing(keepalive=0.01) as broken, Playing(keepalive=0.01) as other:
        broken.connection.keepalive_frame = fail
        await broken.ended()
        received = len(other.socket.taken)
        await until(lambda: len(other.socket.taken) > received + 2)
    assert sum(record.name == "apps.sse" for record in caplog.records) == 2


async def test_the_maximum_age_of_connections_is_random(settings):
    settings.SSE_MAX_AGE = 1000
    ages = sorted(Playing().connection.ends_at - time.monotonic() for _ in range(50))
    assert 740 < ages[0] < 900 < 1100 < ages[-1] <= 1250
    settings.SSE_MAX_AGE = 0
    assert Playing().connection.ends_at == float("inf")
