"""The hub: each follower receives each event once and in order, at any time and from any position."""

import asyncio
import threading

import pytest

from apps.sse.brokers import Gap, get_broker
from apps.sse.delivery import control
from apps.sse.delivery import hub as hubs
from apps.sse.delivery.hub import get_hub
from apps.sse.stats import metrics
from apps.sse.wire.events import Position

from .followers import RecordingFollower, append_event, until


async def test_followers_receive_the_events_of_their_channels_once_and_in_order():
    hub = get_hub()
    await hub.start()
    news, both = RecordingFollower("news"), RecordingFollower("news", "sport")
    hub.join(news)
    hub.join(both)
    for n in range(10):
        append_event("news" if n % 2 else "sport", str(n))
    await until(lambda: len(both.events) == 10)
    assert (news.texts, both.texts) == (list("13579"), list("0123456789"))
    hub.leave(both)
    append_event("news", "last")
    await until(lambda: news.texts[-1] == "last")
    assert len(both.events) == 10


async def test_a_follower_receives_the_events_after_the_position_at_which_it_joined():
    hub = get_hub()
    append_event("news", "before")
    await hub.start()
    first = RecordingFollower("news")
    position = hub.join(first)
    append_event("news", "after")
    again = RecordingFollower("news")
    await hub.join_after(again, position)
    await until(lambda: first.texts == again.texts == ["after"])


@pytest.mark.usefixtures("quick")
async def test_followers_that_join_while_events_arrive_miss_and_repeat_none(flaky, settings):
    """Clients leave and join again at their positions while another thread publishes as fast as it can."""
    settings.SSE_RETENTION_COUNT = 10**6
    hub = get_hub()
    await hub.start()
    start = hub.join(RecordingFollower("nothing"))
    goes_on = threading.Event()
    goes_on.set()

    def flood():
        n = 0
        while goes_on.is_set() or n % 100:
            append_event("ab"[n % 2], str(n))
            n += 1
        flaky.count = n

    async def client(k):
        position, received = start, []
        for visit in range(20):
            follower = RecordingFollower("ab"[k % 2])
            await hub.join_after(follower, position)
            await asyncio.sleep(0.001 * (k % 7) + 0.001 * (visit % 3))
            hub.leave(follower)
            assert not follower.drop_reason
            received += follower.texts
            position = follower.position or position
        return position, received

    flooding = asyncio.ensure_future(asyncio.to_thread(flood))
    received = await asyncio.gather(*(client(k) for k in range(20)))
    goes_on.clear()
    await flooding
    for k, (position, texts) in enumerate(received):
        last = RecordingFollower("ab"[k % 2])
        await hub.join_after(last, position)
        await until(lambda: last.texts and int(last.texts[-1]) >= flaky.count - 2)  # noqa: B023
        assert texts + last.texts == [str(n) for n in range(k % 2, flaky.count, 2)]


@pytest.mark.usefixtures("quick")
async def test_two_hundred_clients_that_reconnect_at_once_cause_as_many_reads_as_ten(flaky):
    hub = get_hub()
    await hub.start()
    early = hub.join(RecordingFollower("nothing"))
    for n in range(2050):
        append_event("news", str(n))
    await until(lambda: hub._log.recent.newest.text == "2049")

    async def reads(count):
        before = flaky.reads
        followers = [RecordingFollower("news") for _ in range(count)]
        await asyncio.gather(*(hub.join_after(follower, early) for follower in followers))
        assert {len(follower.events) for follower in followers} == {2050}
        return flaky.reads - before

    few = await reads(10)
    assert few > 5, "more events were missed than are in memory"
    assert await reads(200) <= few + 5, "some clients may be late"


class SlowFollower(RecordingFollower):
    """A follower whose client reads each chunk while the next event is published."""

    def __init__(self, *channels, latest):
        super().__init__(*channels, latest=latest)
        self.has_room = True

    def deliver(self, events, message):
        assert self.has_room, "the hub did not wait for drain()"
        assert len(message["body"]) <= hubs.REPLAY_BYTES
        self.has_room = False
        return super().deliver(events, message)

    async def drain(self):
        self.has_room = True
        append_event(self.events[-1].channel, f"while it reads {len(self.events)}")
        await until(lambda: get_hub()._log.recent.newest.text == f"while it reads {len(self.events)}")


@pytest.mark.parametrize("latest", [False, True])
async def test_a_replay_is_sent_in_chunks_as_the_client_reads_them_and_has_no_gap(latest):
    hub = get_hub()
    await hub.start()
    since = hub.join(RecordingFollower("nothing"))
    channels = [f"channel-{n}" for n in range(40)]
    for channel in channels:
        append_event(channel, channel + "x" * 10_000)
    await until(lambda: channels[-1] in hub._log.recent.newest.text)
    follower = SlowFollower(*channels, latest=latest)
    await (hub.join_latest(follower, since) if latest else hub.join_after(follower, since))
    assert [text for text in follower.texts if "while" not in text] == [
        channel + "x" * 10_000 for channel in channels
    ]
    published = [e.text for e in get_broker().tail(1000) if "while" in e.text]
    assert len(published) > 5
    assert [text for text in follower.texts if "while" in text] == published
    follower.has_room = True
    append_event(channels[0], "live")
    await until(lambda: follower.texts[-1] == "live")


async def test_a_follower_of_the_latest_gets_the_newest_event_of_each_channel():
    hub = get_hub()
    for n in range(5):
        append_event("ab"[n % 2], str(n))
    append_event("b", "passing", durable=False)
    await hub.start()
    follower = RecordingFollower("a", "b", "empty", latest=True)
    await hub.join_latest(follower)
    assert follower.texts == ["3", "4"]
    append_event("a", "5")
    await until(lambda: follower.texts == ["3", "4", "5"])


async def test_a_follower_of_the_latest_gets_no_event_up_to_its_position():
    hub = get_hub()
    await hub.start()
    append_event("a", "0")
    append_event("b", "1")
    seen = RecordingFollower("a", latest=True)
    await hub.join_latest(seen)
    follower = RecordingFollower("a", "b", latest=True)
    await hub.join_latest(follower, seen.position)
    assert follower.texts == ["1"]


async def test_a_latest_event_that_the_broker_has_and_the_hub_has_not_read_is_received_once(monkeypatch):
    hub = get_hub()
    await hub.start()

    latest = get_broker().latest

    def ahead(channels):
        append_event("a", "0")
        return latest(channels)

    monkeypatch.setattr(get_broker(), "latest", ahead)
    follower = RecordingFollower("a", latest=True)
    await hub.join_latest(follower)
    assert follower.texts == ["0"]
    await until(lambda: hub._log.recent.newest.text == "0")
    append_event("a", "1")
    await until(lambda: follower.texts[-1] == "1")
    assert follower.texts == ["0", "1"]


async def test_a_follower_of_the_latest_gets_only_the_newest_of_several_events():
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("a", latest=True)
    await hub.join_latest(follower)
    for n in range(5):
        append_event("a", str(n))
    await until(lambda: follower.events)
    assert follower.texts == ["4"]


@pytest.mark.parametrize(("run", "kept"), [("Dp", "Dp"), ("DpD", "D"), ("DDpp", "Dp"), ("pp", "p"), ("pD", "D")])
async def test_the_latest_are_the_newest_durable_event_and_a_newer_one_that_is_not_durable(run, kept):
    """D is a durable event, p one that is not: a client that only got p could not replay D."""
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("a", latest=True)
    await hub.join_latest(follower)
    for n, kind in enumerate(run):
        append_event("a", f"{kind}{n}", durable=kind == "D")
    await until(lambda: follower.events)
    assert [text[0] for text in follower.texts] == list(kept)
    assert all(text == f"{text[0]}{run.rindex(text[0])}" for text in follower.texts)


async def test_an_event_that_is_not_durable_is_received_and_never_replayed():
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news")
    position = hub.join(follower)
    append_event("news", "passing", durable=False)
    append_event("news", "lasting")
    await until(lambda: follower.texts == ["passing", "lasting"])
    assert b"id:" not in follower.events[0].frame
    returning = RecordingFollower("news")
    await hub.join_after(returning, position)
    assert returning.texts == ["lasting"]


@pytest.mark.parametrize(
    "position", [Position(1, "00000000"), Position(0, "00000000"), Position(10**17, "12345678")], ids=str
)
async def test_a_position_that_the_log_does_not_contain_is_a_gap(position):
    hub = get_hub()
    await hub.start()
    for n in range(5):
        append_event("news", str(n))
    with pytest.raises(Gap):
        await hub.join_after(RecordingFollower("news"), position)


async def test_control_messages_are_handled_and_reach_no_client():
    messages = []

    def note(event, **_):
        messages.append((event.name, event.data))

    control.received.connect(note)
    hub = get_hub()
    await hub.start()
    append_event("sse:control", '{"what": "hello"}', name="say", durable=False)
    append_event("sse:control", "{}", name="unknown", durable=False)
    await until(lambda: messages)
    assert messages[0] == ("say", {"what": "hello"})


async def test_the_delay_of_an_event_is_counted_once_for_all_its_followers():
    hub = get_hub()
    await hub.start()
    followers = [RecordingFollower("news") for _ in range(3)]
    for follower in followers:
        hub.join(follower)
    observed = sum(metrics.delay.buckets)
    append_event("news", "hello")
    await until(lambda: all(follower.events for follower in followers))
    assert sum(metrics.delay.buckets) == observed + 1
