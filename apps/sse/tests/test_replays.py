"""Replays wait for each other and not for a client, live events do not wait for replays, and no client is starved."""

import asyncio
import random
import threading
import time

import pytest

from apps.sse.brokers import Gap, get_broker
from apps.sse.delivery import log, missed
from apps.sse.delivery.hub import get_hub
from apps.sse.stats import metrics
from apps.sse.wire.events import Position

from .followers import FlakyBroker, RecordingFollower, append_event, until

pytestmark = pytest.mark.usefixtures("quick")


class HeldBroker(FlakyBroker):
    """A broker whose replays wait until the test lets them go on."""

    def __init__(self, url=""):
        super().__init__(url)
        self.may_read = threading.Event()
        self.held = 0

    def read(self, after, limit, channels=None):
        if channels is not None:
            self.held += 1
            assert self.may_read.wait(10)
        return super().read(after, limit, channels)


@pytest.fixture
def held(settings):
    settings.SSE_BROKER_URL = f"{__name__}.HeldBroker://"
    broker = get_broker()
    yield broker
    broker.may_read.set()


async def start_after(*events):
    """Return a hub whose log has these events, (channel, text), and more newer ones than fit into memory."""
    for channel, text in events:
        append_event(channel, text)
    for n in range(log.RECENT_EVENTS):
        append_event("recent", str(n))
    hub = get_hub()
    await hub.start()
    return hub


async def test_live_events_arrive_while_replays_hang(held):
    start = held.position()
    hub = await start_after(*((f"private {n}", "old") for n in range(40)))
    live = RecordingFollower("news")
    hub.join(live)
    returning = [RecordingFollower(f"private {n}") for n in range(40)]
    joining = [asyncio.ensure_future(hub.join_after(follower, start)) for follower in returning]
    await until(lambda: held.held)
    append_event("news", "live")
    await until(lambda: live.texts == ["live"])
    assert not any(follower.texts for follower in returning)
    held.may_read.set()
    await asyncio.gather(*joining)
    assert [follower.texts for follower in returning] == [["old"]] * 40


async def test_replays_of_different_channels_and_near_positions_share_their_reads(held):
    start = held.position()
    events = [(f"private {n % 50}", f"{n}") for n in range(400)]
    hub = await start_after(*events)
    positions = [start, *(event.position for event in held.tail(1000) if event.channel.startswith("private"))]
    clients = []
    for n in range(200):
        place = random.Random(n).randrange(400)
        clients.append((RecordingFollower(f"private {n % 50}", "nobody"), place))
    foreign = hub.join_after(RecordingFollower("private 1"), Position(positions[7].number, "00000000"))
    held.may_read.set()
    joined = [hub.join_after(follower, positions[place]) for follower, place in clients]
    *_, refused = await asyncio.gather(*joined, foreign, return_exceptions=True)
    assert isinstance(refused, Gap)
    for follower, place in clients:
        wanted = [text for channel, text in events[place:] if channel in follower.channels]
        assert follower.texts == wanted
    assert held.held < 20


async def test_a_client_with_few_missed_events_does_not_wait_for_one_with_many(flaky, monkeypatch):
    monkeypatch.setattr(missed, "NEAR", 1)
    start = flaky.position()
    hub = await start_after(*(("many", str(n)) for n in range(500)), ("few", "one"))
    ended = []

    async def replay(channel):
        await hub.join_after(RecordingFollower(channel), start)
        ended.append(channel)

    long = asyncio.ensure_future(replay("many"))
    await until(lambda: flaky.reads > 3)
    await replay("few")
    assert ended == ["few"]
    await long


async def test_replays_that_wait_long_for_others_are_counted(held, monkeypatch):
    monkeypatch.setattr(missed, "DELAYED_SECONDS", 0.01)
    start = held.position()
    hub = await start_after(("a", "1"), ("b", "2"))
    counted = metrics.counts["delayed_replays"]
    first, second = RecordingFollower("a"), RecordingFollower("b")
    joining = [asyncio.ensure_future(hub.join_after(first, start))]
    await until(lambda: held.held)
    joining.append(asyncio.ensure_future(hub.join_after(second, start)))
    await asyncio.sleep(0.05)
    held.may_read.set()
    await asyncio.gather(*joining)
    assert (first.texts, second.texts, metrics.counts["delayed_replays"] - counted) == (["1"], ["2"], 1)


async def test_a_replay_that_fails_fails_only_the_clients_that_wait_for_it(flaky, monkeypatch):
    start = flaky.position()
    hub = await start_after(("a", "1"))
    monkeypatch.setattr(flaky, "missing", lambda positions: 1 / 0)
    monkeypatch.setattr(flaky, "latest", lambda channels: 1 / 0)
    with pytest.raises(log.Unavailable):
        await hub.join_latest(RecordingFollower("a", latest=True))
    follower = RecordingFollower("a")
    await hub.join_after(follower, start)
    assert follower.texts == ["1"]


async def test_a_flood_of_wakes_causes_few_reads_and_loses_no_event(flaky, monkeypatch):
    monkeypatch.setattr(log, "PAGE", 200)
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("a", "b")
    hub.join(follower)
    reads, began = flaky.reads, time.monotonic()
    for n in range(300):
        append_event("ab"[n % 2], str(n))
        await asyncio.sleep(0.0002)
    await until(lambda: len(follower.events) == 300)
    assert follower.texts == [*map(str, range(300))]
    assert flaky.reads - reads <= (time.monotonic() - began) / log.GATHER_SECONDS + 2


async def test_the_memory_broker_is_read_without_a_thread():
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news")
    hub.join(follower)
    append_event("news", "hello")
    await until(lambda: follower.texts == ["hello"])
    assert hub._log._thread._thread is hub._log._maintainer._thread is None
