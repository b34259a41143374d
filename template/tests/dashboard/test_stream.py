import asyncio
import json
from contextlib import aclosing
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.test import AsyncRequestFactory

from apps.dashboard import history
from apps.dashboard.models import BUCKET, Summary
from apps.dashboard.views import StatsStream
from template.tests.dashboard.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def tick(clock, monkeypatch):
    """Advance the clock by one bucket: `await tick()` wakes the sleeping readers and returns their number."""
    sleeping = []

    async def sleep(seconds):
        sleeping.append(asyncio.Event())
        await sleeping[-1].wait()

    async def until_asleep():
        async with asyncio.timeout(5):
            while not sleeping:
                await asyncio.sleep(0.001)

    async def advance():
        await until_asleep()
        clock.now += BUCKET
        woken = [event.set() for event in sleeping]
        sleeping.clear()
        await until_asleep()
        return len(woken)

    monkeypatch.setattr(history, "asyncio", SimpleNamespace(sleep=sleep))
    return advance


async def stream(last_event_id=None):
    """Return the frames that a client with this position receives."""
    request = AsyncRequestFactory().get("/api/dashboard/stream/")
    request.user = AnonymousUser()
    view = StatsStream()
    view.setup(request)
    await sync_to_async(view.mount)(request, last_event_id)
    return view.stream(request)


def parsed(frame):
    lines = dict(line.split(": ", 1) for line in frame.splitlines() if line)
    return lines["event"], int(lines["id"]), json.loads(lines["data"])


async def ids(frames, count):
    async with asyncio.timeout(5):
        return [parsed(await anext(frames))[1] for _ in range(count)]


def test_an_event_is_named_stats_and_has_the_time_as_its_id(stored, clock, settings):
    stored(requests=1)

    async def scenario():
        async with aclosing(await stream()) as frames:
            return parsed(await anext(frames))

    name, number, data = async_to_sync(scenario)()
    assert (name, number, data["time"], data["requests"]) == ("stats", NOW - 3, NOW - 3, 1)


def test_after_a_reconnect_the_missed_points_arrive_first_and_once(stored, tick):
    for age in (15, 12, 9, 3):
        stored(age=age)

    async def scenario():
        async with aclosing(await stream(str(NOW - 15))) as frames:
            missed = await ids(frames, 3)
            await create(NOW)
            await tick()
            return missed + await ids(frames, 1)

    assert async_to_sync(scenario)() == [NOW - 12, NOW - 9, NOW - 3, NOW]


def test_a_position_from_the_future_does_not_silence_the_stream(stored, clock):
    stored()

    async def scenario():
        async with aclosing(await stream("999999999999999999")) as frames:
            return await ids(frames, 1)

    assert async_to_sync(scenario)() == [NOW - 3]


def test_fifty_viewers_cost_one_query_per_tick(stored, tick, django_assert_num_queries):
    stored()

    async def scenario():
        viewers = [await stream(str(NOW - 30) if n % 2 else None) for n in range(50)]
        first = await asyncio.gather(*(ids(viewer, 1) for viewer in viewers))
        for number in range(2):
            await create(NOW + number * BUCKET)
            coming = [asyncio.ensure_future(ids(viewer, 1)) for viewer in viewers]
            assert await tick() == 1, "one reader for all of them"
            assert await asyncio.gather(*coming) == [[NOW + number * BUCKET]] * 50
        for viewer in viewers:
            await viewer.aclose()
        return first

    # The test writes two points; the viewers read at the start and at two ticks.
    with django_assert_num_queries(2 + 3):
        assert async_to_sync(scenario)() == [[NOW - 3]] * 50


def test_a_tick_without_a_point_sends_nothing(stored, tick):
    stored()

    async def scenario():
        async with aclosing(await stream()) as frames:
            await ids(frames, 1)
            coming = asyncio.ensure_future(ids(frames, 1))
            for _ in range(3):
                await tick()
            quiet = not coming.done()
            await create(NOW + 9)
            await tick()
            return quiet, await coming

    assert async_to_sync(scenario)() == (True, [NOW + 9])


def create(bucket):
    """Store a point."""
    return Summary.objects.acreate(step=BUCKET, bucket=bucket, point={"time": bucket})


def test_a_point_is_not_read_before_it_can_be_stored(clock):
    assert [history.newest_bucket(step) for step in (3, 30)] == [NOW - 3, NOW // 30 * 30 - 30]
    clock.now -= 0.001
    assert history.newest_bucket(3) == NOW - 6


def test_a_point_is_read_once_and_dropped_after_its_range(stored, django_assert_num_queries):
    for age in range(3, 600, 3):
        stored(age=age)
    minutes = history.History(history.MINUTES)
    with django_assert_num_queries(1):
        for _ in range(20):
            assert [point["time"] for point in minutes.until(NOW - 3)] == list(range(NOW - 300, NOW, 3))
    stored(age=0)
    assert [point["time"] for point in minutes.until(NOW)] == list(range(NOW - 297, NOW + 1, 3))


def test_points_are_read_again_after_a_failed_query(stored, monkeypatch):
    stored()
    minutes = history.History(history.MINUTES)
    with monkeypatch.context() as patched:
        patched.setattr(Summary.objects, "filter", fail)
        with pytest.raises(OperationalError):
            minutes.until(NOW - 3)
    assert len(minutes.until(NOW - 3)) == 1


def fail(*args, **kwargs):
    raise OperationalError("the database is down")
