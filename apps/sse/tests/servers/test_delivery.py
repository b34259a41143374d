"""Coming back in the very moment in which something else happens: no gap, no repeat, no reset too many."""

import asyncio
import threading

import pytest

from apps.sse.brokers import get_broker
from apps.sse.brokers.memory import MemoryBroker
from apps.sse.delivery import log
from apps.sse.delivery.hub import Hub, get_hub
from apps.sse.stream import registry
from apps.sse.tests.followers import RecordingFollower, append_event, until
from apps.sse.tests.test_connection import Playing
from apps.sse.wire.events import Event

RECENT = 20


class Held(MemoryBroker):
    """A broker whose replays take until the test lets them go, and then show the log as it was before."""

    def __init__(self, url=""):
        super().__init__(url)
        self.may_answer = threading.Event()
        self.is_asked = threading.Event()

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
        self.is_asked.set()
        self.may_answer.wait(10)


@pytest.fixture
def held(settings, monkeypatch):
    monkeypatch.setattr(log, "RECENT_EVENTS", RECENT)
    settings.SSE_BROKER_URL = f"{__name__}.Held://"
    return get_broker()


def deliver(hub, *events):
    """Deliver events as the log does, which cannot read them while the broker is blocked."""
    hub._log.recent.add([*events])
    hub._deliver([*events])


async def test_a_replay_that_is_shared_does_not_skip_what_was_published_after_it_was_read(held):
    early = held.tail(1)[-1].position
    for n in range(2 * RECENT):
        append_event("news", str(n))
    hub = get_hub()
    await hub.start()
    first, second = RecordingFollower("news"), RecordingFollower("news")
    joining = asyncio.create_task(hub.join_after(first, early))
    await asyncio.to_thread(held.is_asked.wait, 10)
    # Its answer is on the way, and before it arrives an event is handed out.
    event = Event(channel="news", name="e", text="late", number=held.tail(1)[-1].number + 1)
    held._log.append(event)
    deliver(hub, event)
    also_joining = asyncio.create_task(hub.join_after(second, early))
    await asyncio.sleep(0)
    held.may_answer.set()
    await joining
    await also_joining
    wanted = [*map(str, range(2 * RECENT)), "late"]
    assert (first.texts, second.texts) == (wanted, wanted)


async def test_the_newest_event_of_a_channel_is_heard_though_memory_has_moved_on_while_the_log_was_asked(held):
    append_event("news", "newest")
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news", "never heard of", latest=True)
    joining = asyncio.create_task(hub.join_latest(follower))
    await asyncio.to_thread(held.is_asked.wait, 10)
    flood = [Event(channel="other", name="e", text="", number=10 + n) for n in range(3000)]
    held._log += flood
    deliver(hub, *flood)
    held.may_answer.set()
    await joining
    assert follower.texts == ["newest"]


async def test_a_place_in_a_log_that_another_process_found_replaced_first_is_not_a_gap():
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
    place = ahead.join(RecordingFollower("news"))
    append_event("news", "newer")
    returning = RecordingFollower("news")
    await behind.join_after(returning, place)
    assert old.drop_reason == "gap"
    broker._wakes = wakes
    append_event("news", "newest")
    await until(lambda: returning.texts == ["newer", "newest"])
    ahead.close()


class Broken(RecordingFollower):
    """A follower whose server is out of order."""

    def deliver(self, events, data):
        raise RuntimeError("Response already complete")


async def test_a_connection_that_cannot_be_written_to_costs_nobody_else_an_event():
    hub = get_hub()
    await hub.start()
    broken, others = Broken("news"), [RecordingFollower("news") for _ in range(20)]
    for follower in (*others[:10], broken, *others[10:]):
        hub.join(follower)
    append_event("news", "hello")
    append_event("news", "again")
    await until(lambda: all(other.texts == ["hello", "again"] for other in others))
    assert broken.drop_reason


async def test_a_client_that_was_hung_up_hears_nothing_after_the_events_that_were_forgotten():
    async with Playing() as it:
        it.socket.fill()
        it.connection.write(b"on its way")
        it.connection.drop("slow")
        later = Event(channel="news", name="e", text="later", number=7)
        it.connection.deliver([later], later.frame)
        it.socket.drain()
        await until(lambda: it.task.done())
        assert it.socket.taken[0] == b"on its way"
        assert later.frame not in b"".join(it.socket.taken)


async def test_a_client_that_was_hung_up_and_reads_no_more_gives_its_seat_back(monkeypatch):
    monkeypatch.setattr(registry, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(registry, "LINGER_SECONDS", 0.1)
    async with Playing() as it:
        it.socket.fill()
        it.connection.write(b"on its way")
        it.connection.drop("slow")
        await until(lambda: it.task.done())
        assert it.connection not in registry.all_open()
