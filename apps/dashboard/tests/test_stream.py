import asyncio
import json
from contextlib import aclosing
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.test import AsyncRequestFactory

from apps.dashboard import stats
from apps.dashboard.models import BUCKET, Sample
from apps.dashboard.views import StatsStream

from .conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticking(clock, monkeypatch):
    """A clock that the test moves by one bucket: `ticking()` wakes the readers and says how many slept."""
    sleeping = []

    async def sleep(seconds):
        sleeping.append(asyncio.Event())
        await sleeping[-1].wait()

    def tick():
        clock.now += BUCKET
        woken = [event.set() for event in sleeping]
        sleeping.clear()
        return len(woken)

    monkeypatch.setattr(stats, "asyncio", SimpleNamespace(sleep=sleep))
    return tick


async def stream(last_event_id=None):
    """Return what a client reads, after the mount that a request with this position gets."""
    request = AsyncRequestFactory().get("/api/dashboard/stream/")
    request.user = AnonymousUser()
    view = StatsStream()
    view.setup(request)
    await view.mount(request, last_event_id)
    return view.stream(request)


def parsed(frame):
    lines = dict(line.split(": ", 1) for line in frame.splitlines() if line)
    return lines["event"], int(lines["id"]), json.loads(lines["data"])


async def ids(frames, count):
    async with asyncio.timeout(5):
        return [parsed(await anext(frames))[1] for _ in range(count)]


def test_an_event_is_named_stats_and_has_the_time_as_its_id(sample, clock, settings):
    sample(requests=3)

    async def scenario():
        async with aclosing(await stream()) as frames:
            return parsed(await anext(frames))

    name, number, data = async_to_sync(scenario)()
    assert (name, number, data["time"], data["requests"]) == ("stats", NOW - 3, NOW - 3, 1)


def test_after_a_reconnect_the_missed_points_come_first_and_once(sample, ticking):
    for age in (15, 12, 9, 3):
        sample(age=age)

    async def scenario():
        async with aclosing(await stream(str(NOW - 15))) as frames:
            missed = await ids(frames, 3)
            await Sample.objects.acreate(**{**values(), "bucket": NOW})
            coming = asyncio.ensure_future(ids(frames, 1))
            await asyncio.sleep(0.05)
            ticking()
            return missed + await coming

    assert async_to_sync(scenario)() == [NOW - 12, NOW - 9, NOW - 3, NOW]


def test_a_position_from_the_future_does_not_silence_the_stream(sample, clock):
    sample()

    async def scenario():
        async with aclosing(await stream("999999999999999999")) as frames:
            return await ids(frames, 1)

    assert async_to_sync(scenario)() == [NOW - 3]


def test_fifty_viewers_cost_one_query_per_tick(sample, ticking, django_assert_num_queries):
    sample()

    async def scenario():
        viewers = [await stream(str(NOW - 30) if n % 2 else None) for n in range(50)]
        first = await asyncio.gather(*(ids(viewer, 1) for viewer in viewers))
        for tick in range(2):
            await Sample.objects.acreate(**{**values(), "bucket": NOW + tick * BUCKET})
            coming = [asyncio.ensure_future(ids(viewer, 1)) for viewer in viewers]
            await asyncio.sleep(0.05)
            assert ticking() == 1, "one reader for all of them"
            assert await asyncio.gather(*coming) == [[NOW + tick * BUCKET]] * 50
        for viewer in viewers:
            await viewer.aclose()
        return first

    # Two samples written by the test, and three ticks: that of the beginning and two more.
    with django_assert_num_queries(2 + 3):
        assert async_to_sync(scenario)() == [[NOW - 3]] * 50


def test_a_tick_without_samples_sends_nothing(sample, ticking):
    sample()

    async def scenario():
        async with aclosing(await stream()) as frames:
            await ids(frames, 1)
            coming = asyncio.ensure_future(ids(frames, 1))
            for _ in range(3):
                await asyncio.sleep(0.02)
                ticking()
            await asyncio.sleep(0.02)
            quiet = not coming.done()
            await Sample.objects.acreate(**{**values(), "bucket": NOW + 9})
            ticking()
            return quiet, await coming

    assert async_to_sync(scenario)() == (True, [NOW + 9])


def values():
    """Return the values of a sample of a process that has done nothing."""
    counts = dict.fromkeys(["requests", "queries", "cpu", "memory", "streams", "anonymous"], 0)
    return {"process": "one", "kind": "web", **counts}
