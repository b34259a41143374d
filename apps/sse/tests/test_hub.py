"""The hub: everybody who follows hears each event once and in order, whenever and after whatever they join."""

import asyncio
import threading

import pytest

from apps.sse.brokers import Gap, get_broker
from apps.sse.delivery import control
from apps.sse.delivery import hub as hubs
from apps.sse.delivery.hub import get_hub
from apps.sse.stats import metrics
from apps.sse.wire.events import Position

from .followers import Ear, tell, until


async def test_followers_hear_the_events_of_their_channels_once_and_in_order():
    hub = get_hub()
    await hub.start()
    news, both = Ear("news"), Ear("news", "sport")
    hub.join(news)
    hub.join(both)
    for n in range(10):
        tell("news" if n % 2 else "sport", str(n))
    await until(lambda: len(both.heard) == 10)
    assert (news.texts, both.texts) == (list("13579"), list("0123456789"))
    hub.leave(both)
    tell("news", "last")
    await until(lambda: news.texts[-1] == "last")
    assert len(both.heard) == 10


async def test_the_position_at_joining_is_where_hearing_begins():
    hub = get_hub()
    tell("news", "before")
    await hub.start()
    first = Ear("news")
    position = hub.join(first)
    tell("news", "after")
    again = Ear("news")
    await hub.join_after(again, position)
    await until(lambda: first.texts == again.texts == ["after"])


@pytest.mark.usefixtures("quick")
async def test_joining_in_full_flow_leaves_no_gap_and_repeats_nothing(flaky, settings):
    """Clients come and go with their positions while another thread publishes as fast as it can."""
    settings.SSE_RETENTION_COUNT = 10**6
    hub = get_hub()
    await hub.start()
    start = hub.join(Ear("nothing"))
    goes_on = threading.Event()
    goes_on.set()

    def flood():
        n = 0
        while goes_on.is_set() or n % 100:
            tell("ab"[n % 2], str(n))
            n += 1
        flaky.count = n

    async def client(k):
        position, heard = start, []
        for visit in range(20):
            ear = Ear("ab"[k % 2])
            await hub.join_after(ear, position)
            await asyncio.sleep(0.001 * (k % 7) + 0.001 * (visit % 3))
            hub.leave(ear)
            assert not ear.hung_up
            heard += ear.texts
            position = ear.position or position
        return position, heard

    flooding = asyncio.ensure_future(asyncio.to_thread(flood))
    heard = await asyncio.gather(*(client(k) for k in range(20)))
    goes_on.clear()
    await flooding
    for k, (position, texts) in enumerate(heard):
        last = Ear("ab"[k % 2])
        await hub.join_after(last, position)
        await until(lambda: last.texts and int(last.texts[-1]) >= flaky.count - 2)  # noqa: B023
        assert texts + last.texts == [str(n) for n in range(k % 2, flaky.count, 2)]


@pytest.mark.usefixtures("quick")
async def test_two_hundred_clients_that_return_at_once_cost_as_many_reads_as_ten(flaky):
    hub = get_hub()
    await hub.start()
    early = hub.join(Ear("nothing"))
    for n in range(2050):
        tell("news", str(n))
    await until(lambda: hub._log.recent.newest.text == "2049")

    async def reads(count):
        before = flaky.reads
        ears = [Ear("news") for _ in range(count)]
        await asyncio.gather(*(hub.join_after(ear, early) for ear in ears))
        assert {len(ear.heard) for ear in ears} == {2050}
        return flaky.reads - before

    few = await reads(10)
    assert few > 5, "more was missed than memory holds"
    assert await reads(200) <= few + 5, "some may be a moment late"


class Reading(Ear):
    """A follower that takes what it is given while the next event is published."""

    def __init__(self, *channels, latest):
        super().__init__(*channels, latest=latest)
        self.has_room = True

    def deliver(self, events, data):
        assert self.has_room, "it was not waited for"
        assert len(data) <= hubs.REPLAY_BYTES
        self.has_room = False
        return super().deliver(events, data)

    async def drain(self):
        self.has_room = True
        tell(self.heard[-1].channel, f"while it read {len(self.heard)}")
        await until(lambda: get_hub()._log.recent.newest.text == f"while it read {len(self.heard)}")


@pytest.mark.parametrize("latest", [False, True])
async def test_a_replay_is_given_in_small_pieces_each_when_there_is_room_and_leaves_no_gap(latest):
    hub = get_hub()
    await hub.start()
    since = hub.join(Ear("nothing"))
    channels = [f"channel-{n}" for n in range(40)]
    for channel in channels:
        tell(channel, channel + "x" * 10_000)
    await until(lambda: channels[-1] in hub._log.recent.newest.text)
    ear = Reading(*channels, latest=latest)
    await (hub.join_latest(ear, since) if latest else hub.join_after(ear, since))
    assert [text for text in ear.texts if "while" not in text] == [channel + "x" * 10_000 for channel in channels]
    published = [e.text for e in get_broker().tail(1000) if "while" in e.text]
    assert len(published) > 5
    assert [text for text in ear.texts if "while" in text] == published
    ear.has_room = True
    tell(channels[0], "live")
    await until(lambda: ear.texts[-1] == "live")


async def test_those_who_want_the_latest_get_the_newest_event_of_each_channel():
    hub = get_hub()
    for n in range(5):
        tell("ab"[n % 2], str(n))
    tell("b", "passing", durable=False)
    await hub.start()
    ear = Ear("a", "b", "empty", latest=True)
    await hub.join_latest(ear)
    assert ear.texts == ["3", "4"]
    tell("a", "5")
    await until(lambda: ear.texts == ["3", "4", "5"])


async def test_those_who_want_the_latest_get_nothing_that_they_have_seen():
    hub = get_hub()
    await hub.start()
    tell("a", "0")
    tell("b", "1")
    seen = Ear("a", latest=True)
    await hub.join_latest(seen)
    ear = Ear("a", "b", latest=True)
    await hub.join_latest(ear, seen.position)
    assert ear.texts == ["1"]


async def test_the_latest_is_heard_once_though_the_log_knew_it_before_the_hub(monkeypatch):
    hub = get_hub()
    await hub.start()

    latest = get_broker().latest

    def ahead(channels):
        tell("a", "0")
        return latest(channels)

    monkeypatch.setattr(get_broker(), "latest", ahead)
    ear = Ear("a", latest=True)
    await hub.join_latest(ear)
    assert ear.texts == ["0"]
    await until(lambda: hub._log.recent.newest.text == "0")
    tell("a", "1")
    await until(lambda: ear.texts[-1] == "1")
    assert ear.texts == ["0", "1"]


async def test_a_slow_follower_of_the_latest_is_given_only_the_newest_of_a_run():
    hub = get_hub()
    await hub.start()
    ear = Ear("a", latest=True)
    await hub.join_latest(ear)
    for n in range(5):
        tell("a", str(n))
    await until(lambda: ear.heard)
    assert ear.texts == ["4"]


@pytest.mark.parametrize(("run", "kept"), [("Dp", "Dp"), ("DpD", "D"), ("DDpp", "Dp"), ("pp", "p"), ("pD", "D")])
async def test_the_latest_of_a_run_is_its_newest_durable_event_and_a_newer_one_that_is_not(run, kept):
    """D is a durable event, p one that is not: a client that only got p could not replay D."""
    hub = get_hub()
    await hub.start()
    ear = Ear("a", latest=True)
    await hub.join_latest(ear)
    for n, kind in enumerate(run):
        tell("a", f"{kind}{n}", durable=kind == "D")
    await until(lambda: ear.heard)
    assert [text[0] for text in ear.texts] == list(kept)
    assert all(text == f"{text[0]}{run.rindex(text[0])}" for text in ear.texts)


async def test_an_event_that_is_not_durable_is_heard_and_never_replayed():
    hub = get_hub()
    await hub.start()
    ear = Ear("news")
    position = hub.join(ear)
    tell("news", "passing", durable=False)
    tell("news", "lasting")
    await until(lambda: ear.texts == ["passing", "lasting"])
    assert b"id:" not in ear.heard[0].frame
    returning = Ear("news")
    await hub.join_after(returning, position)
    assert returning.texts == ["lasting"]


@pytest.mark.parametrize(
    "position", [Position(1, "00000000"), Position(0, "00000000"), Position(10**17, "12345678")], ids=str
)
async def test_a_position_that_the_log_does_not_hold_is_a_gap(position):
    hub = get_hub()
    await hub.start()
    for n in range(5):
        tell("news", str(n))
    with pytest.raises(Gap):
        await hub.join_after(Ear("news"), position)


async def test_what_processes_tell_each_other_is_handled_and_heard_by_no_client():
    told = []

    def note(event, **_):
        told.append((event.name, event.data))

    control.received.connect(note)
    hub = get_hub()
    await hub.start()
    tell("sse:control", '{"what": "hello"}', name="say", durable=False)
    tell("sse:control", "{}", name="unheard of", durable=False)
    await until(lambda: told)
    assert told[0] == ("say", {"what": "hello"})


async def test_the_delay_of_an_event_is_counted_once_for_all_who_hear_it():
    hub = get_hub()
    await hub.start()
    ears = [Ear("news") for _ in range(3)]
    for ear in ears:
        hub.join(ear)
    observed = sum(metrics.delay.buckets)
    tell("news", "hello")
    await until(lambda: all(ear.heard for ear in ears))
    assert sum(metrics.delay.buckets) == observed + 1
