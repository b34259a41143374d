"""Clients that reconnect while something else happens miss and repeat no event, and get no needless reset."""

import asyncio
import threading

import pytest

from apps.sse.brokers import get_broker
from apps.sse.brokers.memory import MemoryBroker
from apps.sse.delivery import log
from apps.sse.delivery.followers import send_to_all
from apps.sse.delivery.hub import Hub, get_hub
from apps.sse.stream import registry
from apps.sse.tests.followers import RecordingFollower, append_event, until
from apps.sse.tests.playing import Playing
from apps.sse.wire.events import Event

RECENT = 20


class BlockedBroker(MemoryBroker):
    """A broker whose replays block until the test releases them, and then return the log as it was before."""

    def __init__(self, url=""):
        super().__init__(url)
        self.may_return = threading.Event()
        self.is_reading = threading.Event()

    def read(self, after, limit, channels=None):
        found = super().read(after, limit, channels)
        if channels is not None:
            self._wait()
        return found

    def latest(self, channels):
        found = super().latest(channels)
        self._wait()
        return found

    def _wait(self):
        self.is_reading.set()
        self.may_return.wait(10)


@pytest.fixture
def blocked(settings, monkeypatch):
    monkeypatch.setattr(log, "RECENT_EVENTS", RECENT)
    settings.SSE_BROKER_URL = f"{__name__}.BlockedBroker://"
    return get_broker()


def deliver(hub, *events):
    """Deliver events as the log does, which cannot read them while the broker is blocked."""
    hub._log.recent.add([*events])
    hub._deliver([*events])


async def test_a_shared_replay_does_not_skip_events_that_were_published_after_its_read(blocked):
    early = blocked.tail(1)[-1].position
    for n in range(2 * RECENT):
        append_event("news", str(n))
    hub = get_hub()
    await hub.start()
    first, second = RecordingFollower("news"), RecordingFollower("news")
    joining = asyncio.create_task(hub.join_after(first, early))
    await asyncio.to_thread(blocked.is_reading.wait, 10)
    # The broker has read the log, and before its answer arrives an event is delivered.
    event = Event(channel="news", name="e", text="late", number=blocked.tail(1)[-1].number + 1)
    blocked._log.append(event)
    deliver(hub, event)
    also_joining = asyncio.create_task(hub.join_after(second, early))
    await asyncio.sleep(0)
    blocked.may_return.set()
    await joining
    await also_joining
    wanted = [*map(str, range(2 * RECENT)), "late"]
    assert (first.texts, second.texts) == (wanted, wanted)


async def test_the_latest_event_is_received_even_if_memory_drops_it_while_the_broker_is_queried(blocked):
    append_event("news", "newest")
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news", "unknown", latest=True)
    joining = asyncio.create_task(hub.join_latest(follower))
    await asyncio.to_thread(blocked.is_reading.wait, 10)
    flood = [Event(channel="other", name="e", text="", number=10 + n) for n in range(3000)]
    blocked._log += flood
    deliver(hub, *flood)
    blocked.may_return.set()
    await joining
    assert follower.texts == ["newest"]


async def test_a_position_in_a_new_log_is_no_gap_for_a_process_that_still_has_the_old_one():
    behind, ahead = get_hub(), Hub(get_broker())
    for n in range(10):
        append_event("news", f"old {n}")
    await behind.start()
    old = RecordingFollower("news")
    behind.join(old)
    broker = get_broker()
    wakes, broker._wakes = broker._wakes, set()
    broker._log = [Event(channel="", name="mark", text="", number=1)]
    append_event("news", "new")
    await ahead.start()
    position = ahead.join(RecordingFollower("news"))
    append_event("news", "newer")
    returning = RecordingFollower("news")
    await behind.join_after(returning, position)
    assert old.drop_reason == "gap"
    broker._wakes = wakes
    append_event("news", "newest")
    await until(lambda: returning.texts == ["newer", "newest"])
    ahead.close()


class FailingFollower(RecordingFollower):
    """A follower to which no event can be sent."""

    def deliver(self, events, message):
        raise RuntimeError("Response already complete")


async def test_a_connection_that_fails_costs_no_other_client_an_event():
    hub = get_hub()
    await hub.start()
    failing, others = FailingFollower("news"), [RecordingFollower("news") for _ in range(20)]
    for follower in (*others[:10], failing, *others[10:]):
        hub.join(follower)
    append_event("news", "hello")
    append_event("news", "again")
    await until(lambda: all(other.texts == ["hello", "again"] for other in others))
    assert failing.drop_reason


async def test_a_dropped_client_receives_no_event_after_those_that_were_dropped():
    async with Playing() as it:
        it.socket.fill()
        it.connection.write(b"being sent")
        it.connection.drop("slow")
        later = Event(channel="news", name="e", text="later", number=7)
        send_to_all([it.connection], [later])
        it.socket.drain()
        await until(lambda: it.task.done())
        assert it.socket.taken[0] == b"being sent"
        assert later.frame not in b"".join(it.socket.taken)


async def test_a_dropped_client_that_stops_reading_is_no_longer_counted(monkeypatch):
    monkeypatch.setattr(registry, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(registry, "LINGER_SECONDS", 0.1)
    async with Playing() as it:
        it.socket.fill()
        it.connection.write(b"being sent")
        it.connection.drop("slow")
        await until(lambda: it.task.done())
        assert it.connection not in registry.all_open()
