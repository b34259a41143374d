"""
The log, as one process follows it: read once, the newest events kept at hand.

It never dies silently: when the broker fails, that is logged and tried again after a growing
pause, and then everything that was missed meanwhile is read.
"""

import asyncio
import contextvars
import logging
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .brokers import Broker, Gap
from .events import Event, Position
from .recent import Recent
from .threads import give_connections_back

logger = logging.getLogger("apps.sse")

PAGE = 200
RECENT_EVENTS = 1000
SWEEP_SECONDS = 5.0
START_SECONDS = 5.0
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 10.0


class Unavailable(Exception):
    """The broker cannot be reached."""


class Log:
    """
    Follows a broker's log on one event loop.

    `hand_out` is awaited with the next events, in their order; `recent` holds them already.
    `start_anew` is called when the place in the log was lost, because the log was replaced; `begun` is
    called with the newest events when following begins.
    """

    def __init__(
        self,
        broker: Broker,
        hand_out: Callable[[list[Event]], Awaitable[None]],
        start_anew: Callable[[], None],
        begun: Callable[[list[Event]], object] = lambda _: None,
    ) -> None:
        self.broker = broker
        self._hand_out = hand_out
        self._begun = begun
        self._start_anew = start_anew
        self._loop = asyncio.get_running_loop()
        self._recent: Recent | None = None
        self._is_ready = asyncio.Event()
        self._wake = asyncio.Event()
        self._reading = asyncio.Lock()
        self._shared_reads: dict[Any, asyncio.Task[Any]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sse-log")
        self._task: asyncio.Task[None] | None = None
        self._pause = FIRST_BACKOFF_SECONDS

    def begin(self) -> None:
        """Follow from now on, or from as soon as the log can be read."""
        if self._task is None:
            self._task = self._loop.create_task(self._run(), context=contextvars.Context())

    async def start(self) -> None:
        """Follow from now on; raises `Unavailable` if the log cannot be read."""
        self.begin()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._is_ready.wait()
        except TimeoutError:
            raise Unavailable from None

    def close(self) -> None:
        """Follow no longer."""
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown(wait=False)

    @property
    def recent(self) -> Recent:
        """The newest events; raises `Unavailable` before the first ones were read."""
        if self._recent is None:
            raise Unavailable
        return self._recent

    async def reach(self, position: Position) -> None:
        """
        Follow up to a position that another process may have reached first, be it in a log that was replaced.

        Raises `Gap` if it is not there yet.
        """
        # Of the reads that are shared, one may have begun before that position was there.
        for _ in range(2):
            if position.number >= self.recent.oldest.number and not self.recent.holds(position):
                await self._once("catch up", self._catch_up)
        if position.number > self.recent.newest.number:
            raise Gap(position)

    async def older(self, since: Position, channels: frozenset[str]) -> tuple[list[Event], Position]:
        """
        Return the next durable events of some channels, from the broker, and how far they reach.

        Raises `Gap` if the log does not hold the position `since`, `Unavailable` if it cannot be read.
        """
        return await self._once((since, channels), lambda: self._older(since, channels))

    async def _older(self, since: Position, channels: frozenset[str]) -> tuple[list[Event], Position]:
        # Taken before the page is read: it does not hold what comes later, however late it is shared.
        upto = self.recent.newest.position
        page = await self.call(self.broker.read, since, PAGE, channels)
        reached = page[-1].position if len(page) == PAGE else upto
        kept = [event for event in page if event.number <= upto.number and event.durable]
        return kept, min(reached, upto)

    async def latest(self, channels: frozenset[str]) -> list[Event]:
        """Return the newest durable event of each channel, from the broker; raises `Unavailable`."""
        return await self._once(channels, lambda: self.call(self.broker.latest, channels)) if channels else []

    async def call(self, function: Callable, *arguments: Any) -> Any:
        """Call one of the broker's methods in the thread that is there for it."""

        def call() -> Any:
            try:
                return function(*arguments)
            finally:
                give_connections_back()

        return await self._loop.run_in_executor(self._thread, call)

    async def _once(self, key: Any, read: Callable[[], Awaitable[Any]]) -> Any:
        """Read, once for all who ask the same at the same time."""
        if key not in self._shared_reads:
            task = self._loop.create_task(_run(read), context=contextvars.Context())
            self._shared_reads[key] = task
            task.add_done_callback(_retrieve)
            task.add_done_callback(lambda _: self._shared_reads.pop(key))
        try:
            return await asyncio.shield(self._shared_reads[key])
        except Gap:
            raise
        except Exception as error:
            raise Unavailable from error

    async def _run(self) -> None:
        while True:
            listening = self._loop.create_task(self.broker.listen(self._wake.set))
            listening.add_done_callback(_retrieve)
            listening.add_done_callback(lambda _: self._wake.set())
            try:
                await self._follow(listening)
            except Exception as error:
                name = type(error).__name__
                logger.warning(
                    "The broker cannot be followed (%s: %s): again in about %.1f s.", name, error, self._pause
                )
            finally:
                listening.cancel()
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))
            self._pause = min(self._pause * 2, LONGEST_BACKOFF_SECONDS)

    async def _follow(self, listening: asyncio.Task[None]) -> None:
        sweep_at = self._loop.time()
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._catch_up()
            if listening.done():
                listening.result()
                raise ConnectionError("listen() returned")
            self._pause = FIRST_BACKOFF_SECONDS
            if self._loop.time() >= sweep_at:
                await self.call(self.broker.sweep)
                sweep_at = self._loop.time() + SWEEP_SECONDS
                self._loop.call_at(sweep_at, self._wake.set)

    async def _catch_up(self) -> None:
        async with self._reading:
            if self._recent is None:
                self._begun(await self._load())
            while events := await self._next_events():
                await self._hand_out(events)
                if len(events) < PAGE:
                    return

    async def _next_events(self) -> list[Event]:
        try:
            return await self.call(self.broker.read, self.recent.newest.position, PAGE)
        except Gap:
            logger.warning("The log of events was replaced, or trimmed too early: every client starts anew.")
            await self._load()
            self._start_anew()
            return []

    async def _load(self) -> list[Event]:
        newest = await self.call(self.broker.tail, RECENT_EVENTS)
        self._recent = Recent(newest)
        self._is_ready.set()
        return newest


async def _run(read: Callable[[], Awaitable[Any]]) -> Any:
    return await read()


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Take note of a failure that perhaps nobody waits for."""
    if not task.cancelled():
        task.exception()
