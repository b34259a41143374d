"""One generator serves all viewers of a process."""

import asyncio
import contextlib
import sys

from apps.sse import shared


class Source:
    """A shared generator that the test feeds, and that counts its starts and ends."""

    def __init__(self):
        self.started = self.stopped = 0
        self.feed = asyncio.Queue()

        @shared
        async def values(*args):
            self.started += 1
            try:
                while True:
                    value = await self.feed.get()
                    if isinstance(value, Exception):
                        raise value
                    if value is StopAsyncIteration:
                        return
                    yield value
            finally:
                self.stopped += 1

        self.values = values


async def settle():
    """Let all runnable tasks run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_generator_starts_with_the_first_viewer_and_stops_with_the_last():
    source = Source()
    source.feed.put_nowait(1)
    one, two = source.values(), source.values()
    assert source.started == 0
    assert await anext(one) == await anext(two) == 1
    await one.aclose()
    await settle()
    assert (source.started, source.stopped) == (1, 0)
    await two.aclose()
    await settle()
    assert (source.started, source.stopped) == (1, 1)


async def test_a_new_viewer_gets_the_newest_value_immediately():
    source = Source()
    source.feed.put_nowait(1)
    async with contextlib.aclosing(source.values()) as early:
        await anext(early)
        async with contextlib.aclosing(source.values()) as late:
            assert await asyncio.wait_for(anext(late), 1) == 1


async def test_a_slow_viewer_skips_to_the_newest_value():
    source = Source()
    source.feed.put_nowait(1)
    async with contextlib.aclosing(source.values()) as slow, contextlib.aclosing(source.values()) as quick:
        assert await anext(slow) == await anext(quick) == 1
        for value in (2, 3, 4):
            source.feed.put_nowait(value)
            assert await anext(quick) == value
        assert await anext(slow) == 4


async def test_a_producer_that_raises_is_logged_and_restarted_and_keeps_its_viewers(caplog, monkeypatch):
    monkeypatch.setattr(sys.modules["apps.sse.stream.shared"], "MIN_BACKOFF_SECONDS", 0.001)
    source = Source()
    source.feed.put_nowait(1)
    async with contextlib.aclosing(source.values()) as viewer:
        assert await anext(viewer) == 1
        source.feed.put_nowait(RuntimeError("database gone"))
        source.feed.put_nowait(2)
        assert await asyncio.wait_for(anext(viewer), 5) == 2
    assert source.started == 2
    assert "database gone" in caplog.text


async def test_viewers_get_the_last_value_of_a_producer_that_returns_and_then_end():
    source = Source()
    source.feed.put_nowait(1)
    source.feed.put_nowait(StopAsyncIteration)
    assert [value async for value in source.values()] == [1]


async def test_different_arguments_have_different_producers():
    source = Source()
    source.feed.put_nowait(1)
    async with contextlib.aclosing(source.values("a")) as a, contextlib.aclosing(source.values("b")) as b:
        await anext(a)
        source.feed.put_nowait(2)
        assert await anext(b) == 2
    assert source.started == 2


async def test_a_viewer_after_the_last_one_starts_the_generator_again():
    source = Source()
    for expected in (1, 2):
        source.feed.put_nowait(expected)
        async with contextlib.aclosing(source.values()) as viewer:
            assert await anext(viewer) == expected
        await settle()
    assert (source.started, source.stopped) == (2, 2)
