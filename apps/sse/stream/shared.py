"""One async generator for all viewers of a process."""

import asyncio
import contextlib
import contextvars
import functools
import logging
from collections.abc import AsyncGenerator, Callable, Hashable
from typing import Any

from asgiref.sync import sync_to_async

from ..databases import release_connections

logger = logging.getLogger("apps.sse")

MIN_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0


def shared[Value, **Arguments](
    produce: Callable[Arguments, AsyncGenerator[Value]],
) -> Callable[Arguments, AsyncGenerator[Value]]:
    """
    Decorate an async generator function: run it once per process for all its viewers.

    Each set of (hashable) arguments has its own generator, which starts with its first viewer and
    stops with its last. A new viewer gets the newest value immediately; a slow one skips to the
    newest. If the generator raises, the error is logged and it restarts after a growing pause,
    while its viewers wait. If it returns, their iteration ends. Its database connections are
    released after each value.
    """
    producers: dict[Hashable, Producer[Value]] = {}

    @functools.wraps(produce)
    async def view(*args: Arguments.args, **kwargs: Arguments.kwargs) -> AsyncGenerator[Value]:
        key = (asyncio.get_running_loop(), args, tuple(sorted(kwargs.items())))
        if key not in producers:
            producers[key] = Producer(functools.partial(produce, *args, **kwargs))
        producer = producers[key]
        producer.join()
        try:
            async with contextlib.aclosing(producer.values()) as values:
                async for value in values:
                    yield value
        finally:
            if producer.leave() and producers.get(key) is producer:
                del producers[key]

    return view


class Producer[Value]:
    """A running generator, its newest value, and the number of its viewers."""

    def __init__(self, produce: Callable[[], AsyncGenerator[Value]]) -> None:
        self._produce = produce
        self._viewers = 0
        self._task: asyncio.Task[None]
        self._version = 0
        self._newest: Any = None
        self._changed = asyncio.Event()

    def join(self) -> None:
        """Add a viewer; the first one starts the generator, in a context without a request."""
        self._viewers += 1
        if self._viewers == 1:
            self._task = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())
            self._task.add_done_callback(lambda _: self._changed.set())

    def leave(self) -> bool:
        """Remove a viewer and return whether it was the last one, which stops the generator."""
        self._viewers -= 1
        if self._viewers == 0:
            self._task.cancel()
        return self._viewers == 0

    async def values(self) -> AsyncGenerator[Value]:
        """Yield the newest value, and again whenever the consumer is ready and there is a newer one."""
        seen = 0
        while True:
            changed = self._changed
            if self._version != seen:
                seen = self._version
                yield self._newest
            elif self._task.done():
                return
            else:
                await changed.wait()

    async def _run(self) -> None:
        pause = MIN_BACKOFF_SECONDS
        while True:
            try:
                async with contextlib.aclosing(self._produce()) as values:
                    async for value in values:
                        pause = MIN_BACKOFF_SECONDS
                        await self._publish(value)
                return
            except Exception:
                logger.exception("A shared producer raised an exception. It restarts in %.1f s.", pause)
                await sync_to_async(release_connections)()
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_BACKOFF_SECONDS)

    async def _publish(self, value: Value) -> None:
        self._version += 1
        self._newest = value
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        await sync_to_async(release_connections)()
