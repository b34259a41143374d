"""Following the log: failures of the broker are detected, logged and recovered from."""

import asyncio
import logging
import threading

import pytest

from apps.sse.brokers import Gap
from apps.sse.delivery import call_thread, log
from apps.sse.delivery import hub as hubs
from apps.sse.delivery.hub import get_hub
from apps.sse.delivery.log import Unavailable
from apps.sse.wire.events import Event, Position

from .followers import RecordingFollower, append_event, until


async def test_a_replaced_log_drops_every_follower(flaky, caplog):
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news")
    old = hub.join(follower)
    with flaky._lock:
        flaky._log = [Event(channel="", name="mark", text="", number=1)]
    append_event("news", "of the new log")
    await until(lambda: follower.drop_reason)
    assert follower.drop_reason == "gap"
    with pytest.raises(Gap):
        await hub.join_after(RecordingFollower("news"), old)
    fresh = RecordingFollower("news")
    hub.join(fresh)
    append_event("news", "next")
    await until(lambda: fresh.texts == ["next"])
    assert "replaced" in caplog.text


@pytest.mark.usefixtures("quick")
async def test_a_broker_that_failed_is_followed_again_and_followers_miss_no_event(flaky, caplog):
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news")
    hub.join(follower)
    for n in range(3):
        flaky.is_down = True
        append_event("news", f"{n} during the outage")
        await asyncio.sleep(0.03)
        flaky.is_down = False
        await until(lambda: len(follower.events) == n + 1)  # noqa: B023
    assert follower.texts == [f"{n} during the outage" for n in range(3)]
    assert not follower.drop_reason
    assert next(r.levelno for r in caplog.records if "cannot be read (" in r.message) == logging.WARNING


async def silent_log(flaky):
    """Return the hub's log, which is not woken by new events, and a follower."""
    hub = get_hub()
    await hub.start()
    follower = RecordingFollower("news")
    hub.join(follower)
    await until(lambda: flaky._wakes)
    flaky._wakes.clear()
    await asyncio.sleep(0.01)
    return hub._log, follower


async def test_an_event_that_follows_the_last_one_is_delivered_without_a_read(flaky):
    log, follower = await silent_log(flaky)
    reads = flaky.reads
    for n in range(3):
        append_event("news", str(n))
        log._wake_up(*flaky.tail(2))
        await until(lambda: len(follower.events) == n + 1)  # noqa: B023
    assert (follower.texts, flaky.reads) == (["0", "1", "2"], reads)


async def test_events_are_read_if_others_are_missing_before_those_that_the_broker_gives(flaky):
    log, follower = await silent_log(flaky)
    for n in range(3):
        append_event("news", str(n))
    log._wake_up(*flaky.tail(2))
    await until(lambda: follower.texts == ["0", "1", "2"])


@pytest.mark.parametrize("is_late", [False, True])
async def test_events_are_read_if_the_broker_calls_again(flaky, is_late):
    log, follower = await silent_log(flaky)
    for n in range(2):
        append_event("news", str(n))
    older = flaky.tail(3)[:2]
    for newest in [(), older] if is_late else [older, ()]:
        log._wake_up(*newest)
    await until(lambda: follower.texts == ["0", "1"])


@pytest.mark.usefixtures("quick")
async def test_clients_are_refused_until_the_broker_can_be_read(flaky, monkeypatch):
    monkeypatch.setattr(log, "START_SECONDS", 0.05)
    flaky.is_down = True
    hub = get_hub()
    with pytest.raises(Unavailable):
        await hub.start()
    flaky.is_down = False
    await until(lambda: hub._log._recent)
    await hub.start()


async def test_events_that_a_killed_process_left_in_the_outbox_are_found_at_the_start(flaky, monkeypatch):
    monkeypatch.setattr(log, "MAINTENANCE_SECONDS", 3600)
    monkeypatch.setattr(flaky, "maintain", lambda: append_event("news", "left behind"))
    hub = get_hub()
    await hub.start()
    await until(lambda: hub._log.recent.newest.text == "left behind")


@pytest.mark.usefixtures("quick")
async def test_a_replay_without_a_broker_is_an_error(flaky):
    hub = get_hub()
    await hub.start()
    early = hub.join(RecordingFollower("news"))
    for n in range(2050):
        append_event("news", str(n))
    await until(lambda: hub._log.recent.newest.text == "2049")
    flaky.is_down = True
    with pytest.raises(Unavailable):
        await hub.join_after(RecordingFollower("news"), early)


class UnexpectedError(BaseException):
    """An exception that no code handles."""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("end", [asyncio.CancelledError, UnexpectedError, OSError, None])
@pytest.mark.parametrize("what", ["listen", "maintain", "read"])
async def test_each_task_is_restarted_however_it_ended(flaky, monkeypatch, what, end):
    monkeypatch.setattr(log, "MAINTENANCE_SECONDS", 0.01)
    hub = get_hub()
    if what == "read":
        await hub.start()
    whole, ended = getattr(flaky, what), []

    def fail(*arguments):
        ended.append(what)
        if end:
            raise end
        return []

    async def fail_later(*arguments):
        await asyncio.sleep(0)
        fail()

    monkeypatch.setattr(flaky, what, fail_later if what == "listen" else fail)
    hub.start_soon()
    await until(lambda: len(ended) > 1)
    monkeypatch.setattr(flaky, what, whole)
    await hub.start()
    follower = RecordingFollower("news")
    hub.join(follower)
    for n in range(3):
        append_event("news", str(n))
        await until(lambda: follower.texts[-1:] == [str(n)])  # noqa: B023


@pytest.mark.usefixtures("quick")
async def test_followers_reconnect_for_events_that_could_not_be_delivered(flaky, monkeypatch):
    hub = get_hub()
    await hub.start()
    follower, returning = RecordingFollower("news"), RecordingFollower("news")
    position = hub.join(follower)
    monkeypatch.setattr(hubs, "_count", lambda *_: 1 / 0)
    append_event("news", "lost?")
    await until(lambda: follower.drop_reason == "failed")
    monkeypatch.undo()
    await hub.join_after(returning, position)
    append_event("news", "next")
    await until(lambda: returning.texts == ["lost?", "next"])


async def test_followers_are_dropped_while_reads_hang_and_a_new_thread_reads_afterwards(flaky, monkeypatch):
    monkeypatch.setattr(log, "READ_SECONDS", 0.1)
    monkeypatch.setattr(log, "MAX_OUTAGE_SECONDS", 0.3)
    monkeypatch.setattr(log, "MIN_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(log, "MAINTENANCE_SECONDS", 0.05)
    hub = get_hub()
    await hub.start()
    follower, returning = RecordingFollower("news"), RecordingFollower("news")
    position = hub.join(follower)
    may_end, read, hanging = threading.Event(), flaky.read, []

    def hang(*arguments):
        hanging.append(1)
        may_end.wait(5)
        return read(*arguments)

    monkeypatch.setattr(flaky, "read", hang)
    append_event("news", "unread")
    await until(lambda: follower.drop_reason == "broker")
    for attempt in (hub.start(), hub.join_after(returning, Position(position.number + 1, "0" * 8))):
        with pytest.raises(Unavailable):
            await attempt
    await asyncio.sleep(1)
    assert len(hanging) <= call_thread.MAX_HANGING, "few threads hang"
    may_end.set()
    monkeypatch.setattr(flaky, "read", read)
    await until(lambda: hub._log._is_ready.is_set())
    await hub.join_after(returning, position)
    assert returning.texts == ["unread"]


async def test_a_position_that_is_newer_than_the_current_read_is_reached_by_another_read(flaky, monkeypatch):
    hub = get_hub()
    await hub.start()
    newest = hub.join(RecordingFollower("news"))
    read, began, may_end = flaky.read, asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(*arguments):
        found = read(*arguments)
        loop.call_soon_threadsafe(began.set)
        may_end.wait(5)
        return found

    monkeypatch.setattr(flaky, "read", slowly)
    unknown = asyncio.ensure_future(
        hub.join_after(RecordingFollower("news"), Position(newest.number + 9, "0" * 8))
    )
    await began.wait()
    # Another process publishes an event and reads it first.
    published = Event(channel="news", name="e", text="new", number=newest.number + 1)
    flaky._log.append(published)
    arriving = asyncio.ensure_future(hub.join_after(RecordingFollower("news"), published.position))
    await asyncio.sleep(0)
    may_end.set()
    await arriving
    with pytest.raises(Gap):
        await unknown
