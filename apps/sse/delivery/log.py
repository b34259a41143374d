"""
The log, as one process follows it: read once, the newest events kept at hand.

One supervisor restarts every task that ends: that is logged and tried again after a growing pause,
and then everything that was missed is read. While the log cannot be read, silence would look like
no news, so all followers are hung up.
"""

import asyncio
import contextlib
import contextvars
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ..brokers import Broker, Gap
from ..db.errors import migration_hint
from ..wire.events import Event, Position
from .call_thread import CallThread
from .recent import Recent

logger = logging.getLogger("apps.sse")

PAGE = 200
RECENT_EVENTS = 1000
MAINTENANCE_SECONDS = 5.0
START_SECONDS = 5.0
# A read that takes longer is given up, and maintenance, which may have many events to move.
READ_SECONDS = 6.0
MAX_MAINTENANCE_SECONDS = 60.0
# Followers are hung up when the log could not be read for this long; it is read every `MAINTENANCE_SECONDS`.
LOST_SECONDS = 12.0
# A crowd comes back with one position: what it has missed is read once a second, unless positions differ.
KEPT_SECONDS = 1.0
MAX_KEPT_READS = 8
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 10.0


class Unavailable(Exception):
    """The broker cannot be reached."""


class Log:
    """
    Follows a broker's log on one event loop.

    `hand_out` is awaited with the next events, in their order, and adds them to `recent`.
    `drop` is called with a reason when followers have to come back: "gap" if the log was
    replaced, "broker" if it cannot be read, "failed" if events were not handed out.
    `begun` is called with the newest events when following begins.
    """

    def __init__(
        self,
        broker: Broker,
        hand_out: Callable[[list[Event]], Awaitable[None]],
        drop: Callable[[str], None],
        begun: Callable[[list[Event]], object] = lambda _: None,
    ) -> None:
        self.broker = broker
        self._hand_out = hand_out
        self._begun = begun
        self._hang_up = drop
        self._loop = asyncio.get_running_loop()
        self._recent: Recent | None = None
        self._is_ready = asyncio.Event()
        self._wake = asyncio.Event()
        self._reading = asyncio.Lock()
        self._shared_reads: dict[Any, asyncio.Task[Any]] = {}
        self._thread = CallThread("sse-log", READ_SECONDS, leaves_pools=True)
        self._maintainer = CallThread("sse-maintenance", MAX_MAINTENANCE_SECONDS)
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._read_at = self._loop.time()
        self._pause = FIRST_BACKOFF_SECONDS
        self._failure: BaseException | None = None

    def start_soon(self) -> None:
        """Follow from now on, or from as soon as the log can be read."""
        if self._task is None or self._task.done():
            self._task = self._start(self._supervise())
        if self._watch is None:
            self._look_for_loss()

    async def start(self) -> None:
        """Follow from now on; raises `Unavailable` if the log cannot be read."""
        self.start_soon()
        if self._recent and not self._is_ready.is_set():
            raise Unavailable from self._failure
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._is_ready.wait()
        except TimeoutError:
            raise Unavailable from self._failure

    def close(self) -> None:
        """Follow no longer."""
        if self._task is not None:
            self._task.cancel()
        if self._watch is not None:
            self._watch.cancel()
        self._thread.close()
        self._maintainer.close()

    @property
    def can_read(self) -> bool:
        """Whether the log could be read lately."""
        return self._is_ready.is_set()

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
        return await self._once((since, channels), lambda: self._older(since, channels), keep=KEPT_SECONDS)

    async def _older(self, since: Position, channels: frozenset[str]) -> tuple[list[Event], Position]:
        # Taken before the page is read: it does not hold what comes later, however late it is shared.
        upto = self.recent.newest.position
        page = await self._thread.call(self.broker.read, since, PAGE, channels)
        reached = page[-1].position if len(page) == PAGE else upto
        kept = [event for event in page if event.number <= upto.number and event.durable]
        return kept, min(reached, upto)

    async def latest(self, channels: frozenset[str]) -> list[Event]:
        """Return the newest durable event of each channel, from the broker; raises `Unavailable`."""
        return (
            await self._once(channels, lambda: self._thread.call(self.broker.latest, channels)) if channels else []
        )

    async def _once(self, key: Any, read: Callable[[], Awaitable[Any]], keep: float = 0.0) -> Any:
        """Read, once for all that want the same at the same time, or within `keep` seconds after the read."""
        if key not in self._shared_reads:
            self._shared_reads[key] = self._start(_run(read))
            self._shared_reads[key].add_done_callback(lambda task: self._forget_read(key, task, keep))
        task = self._shared_reads[key]
        await asyncio.wait({task})
        try:
            return task.result()
        except Gap:
            raise
        except (Exception, asyncio.CancelledError) as error:
            raise Unavailable from error

    def _forget_read(self, key: Any, task: asyncio.Task[Any], keep: float) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed or not keep or len(self._shared_reads) > MAX_KEPT_READS:
            del self._shared_reads[key]
        else:
            self._loop.call_later(keep, self._shared_reads.pop, key)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._loop.create_task(work, context=contextvars.Context())
        task.add_done_callback(_retrieve)
        return task

    async def _supervise(self) -> None:
        while True:
            listening = self._start(self.broker.listen(self._wake.set))
            listening.add_done_callback(lambda _: self._wake.set())
            maintaining = self._start(self._maintain())
            maintaining.add_done_callback(lambda _: self._wake.set())
            following = self._start(self._follow(listening, maintaining))
            try:
                await asyncio.wait({following})
            finally:
                for task in (listening, maintaining, following):
                    task.cancel()
            self._failure = None if following.cancelled() else following.exception()
            migration_hint(self._failure)
            logger.warning(
                "The broker cannot be read (%s). Trying again in about %.1f s.", _end(following), self._pause
            )
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))
            self._pause = min(self._pause * 2, LONGEST_BACKOFF_SECONDS)

    async def _follow(self, *others: asyncio.Task[None]) -> None:
        """Read whenever there may be something new; raises when one of the other tasks has ended."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MAINTENANCE_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            await self._catch_up()
            for task in others:
                if task.done():
                    raise ConnectionError(_end(task))
            self._pause = FIRST_BACKOFF_SECONDS

    async def _maintain(self) -> None:
        while True:
            await self._maintainer.call(self.broker.maintain)
            await asyncio.sleep(MAINTENANCE_SECONDS)

    def _look_for_loss(self) -> None:
        """Hang everybody up if the log could not be read for too long, and look again."""
        if self._is_ready.is_set() and self._loop.time() - self._read_at >= LOST_SECONDS:
            self._is_ready.clear()
            logger.error("Events cannot be read. Clients are disconnected and refused until they can.")
            self._hang_up("broker")
        self._watch = self._loop.call_later(LOST_SECONDS / 10, self._look_for_loss)

    async def _catch_up(self) -> None:
        async with self._reading:
            if self._recent is None:
                self._begun(await self._load())
            while events := await self._next_events():
                await self._hand_out_all(events)
                if len(events) < PAGE:
                    return

    async def _hand_out_all(self, events: list[Event]) -> None:
        try:
            await self._hand_out(events)
        except BaseException:
            # Nobody knows who has got them.
            self._hang_up("failed")
            raise

    async def _next_events(self) -> list[Event]:
        try:
            events = await self._thread.call(self.broker.read, self.recent.newest.position, PAGE)
        except Gap:
            logger.warning("The event log was replaced, or trimmed too early. All clients load their data again.")
            await self._load()
            self._hang_up("gap")
            return []
        self._note_success()
        return events

    async def _load(self) -> list[Event]:
        newest = await self._thread.call(self.broker.tail, RECENT_EVENTS)
        self._recent = Recent(newest)
        self._note_success()
        return newest

    def _note_success(self) -> None:
        self._read_at = self._loop.time()
        self._is_ready.set()


async def _run(read: Callable[[], Awaitable[Any]]) -> Any:
    return await read()


def _end(task: asyncio.Task[Any]) -> str:
    """Return how a task has ended, in words."""
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    return f"{type(error).__name__}: {error}" if error else "it returned"


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Take note of a failure that perhaps nobody waits for."""
    if not task.cancelled():
        task.exception()
