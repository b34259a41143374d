"""Following the log: what the broker does wrong is noticed, said, and caught up with."""

import asyncio
import logging
import threading

import pytest

from apps.sse import log
from apps.sse.brokers import Gap
from apps.sse.events import Event, Position
from apps.sse.hub import get_hub
from apps.sse.log import Unavailable

from .followers import Ear, tell, until


async def test_when_the_log_is_replaced_every_follower_is_hung_up_and_starts_anew(flaky, caplog):
    hub = get_hub()
    await hub.start()
    ear = Ear("news")
    old = hub.join(ear)
    with flaky._lock:
        flaky._log = [Event(channel="", name="mark", text="", number=1)]
    tell("news", "of the new log")
    await until(lambda: ear.hung_up)
    assert ear.hung_up == "gap"
    with pytest.raises(Gap):
        await hub.join_after(Ear("news"), old)
    fresh = Ear("news")
    hub.join(fresh)
    tell("news", "next")
    await until(lambda: fresh.texts == ["next"])
    assert "replaced" in caplog.text


@pytest.mark.usefixtures("quick")
async def test_a_broker_that_fails_is_followed_again_and_nothing_was_missed(flaky, caplog):
    hub = get_hub()
    await hub.start()
    ear = Ear("news")
    hub.join(ear)
    for n in range(3):
        flaky.is_down = True
        tell("news", f"{n} while it was down")
        await asyncio.sleep(0.03)
        flaky.is_down = False
        await until(lambda: len(ear.heard) == n + 1)  # noqa: B023
    assert ear.texts == [f"{n} while it was down" for n in range(3)]
    assert not ear.hung_up
    assert next(r.levelno for r in caplog.records if "cannot be followed" in r.message) == logging.WARNING


@pytest.mark.usefixtures("quick")
async def test_without_a_broker_nobody_can_join_until_it_is_back(flaky, monkeypatch):
    monkeypatch.setattr(log, "START_SECONDS", 0.05)
    flaky.is_down = True
    hub = get_hub()
    with pytest.raises(Unavailable):
        await hub.start()
    flaky.is_down = False
    await until(lambda: hub._log._recent)
    await hub.start()


async def test_what_a_dead_process_has_left_behind_is_found_when_following_begins(flaky, monkeypatch):
    monkeypatch.setattr(log, "SWEEP_SECONDS", 3600)
    monkeypatch.setattr(flaky, "sweep", lambda: tell("news", "left behind"))
    ear = Ear("news")
    hub = get_hub()
    await hub.start()
    hub.join(ear)
    await until(lambda: ear.texts == ["left behind"])


@pytest.mark.usefixtures("quick")
async def test_a_replay_that_the_broker_fails_is_said(flaky):
    hub = get_hub()
    await hub.start()
    early = hub.join(Ear("news"))
    for n in range(2050):
        tell("news", str(n))
    await until(lambda: hub._log.recent.newest.text == "2049")
    flaky.is_down = True
    with pytest.raises(Unavailable):
        await hub.join_after(Ear("news"), early)


async def test_a_position_that_is_newer_than_a_read_under_way_is_reached_all_the_same(flaky, monkeypatch):
    hub = get_hub()
    await hub.start()
    newest = hub.join(Ear("news"))
    read, began, may_end = flaky.read, asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(*arguments):
        found = read(*arguments)
        loop.call_soon_threadsafe(began.set)
        may_end.wait(5)
        return found

    monkeypatch.setattr(flaky, "read", slowly)
    unknown = asyncio.ensure_future(hub.join_after(Ear("news"), Position(newest.number + 9, "0" * 8)))
    await began.wait()
    # Another process publishes, and hears it first.
    published = Event(channel="news", name="e", text="new", number=newest.number + 1)
    flaky._log.append(published)
    arriving = asyncio.ensure_future(hub.join_after(Ear("news"), published.position))
    await asyncio.sleep(0)
    may_end.set()
    await arriving
    with pytest.raises(Gap):
        await unknown
