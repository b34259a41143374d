"""
Follows the broker's log on behalf of all streams of an event loop, and keeps the newest events in memory.

A supervisor restarts each task that ends, after a growing pause; then all missed events are read. If the
log cannot be read for long, all followers are dropped, since silence would look like no news.
"""

import asyncio
import contextvars
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from ..brokers import Broker, Gap
from ..databases import is_outage_known, migration_hint
from ..stats.metrics import EndReason
from ..wire.events import Event, Position
from .call_thread import CallThread
from .missed import PAGE, Recent, Replays

logger = logging.getLogger("apps.sse")

RECENT_EVENTS = 1000
# The loop's other tasks run after this many deliveries and events.
DELIVERIES_AT_ONCE = 5000
# After a read, the next one waits this long, so that a flood of events is read in pages.
GATHER_SECONDS = 0.005
MAINTENANCE_SECONDS = 5.0
START_SECONDS = 5.0
# A call that takes longer fails. Maintenance may have many events to move.
READ_SECONDS = 6.0
MAX_MAINTENANCE_SECONDS = 60.0
# Followers are dropped when the log could not be read for this long; it is read every `MAINTENANCE_SECONDS`.
MAX_OUTAGE_SECONDS = 12.0
MIN_BACKOFF_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 1.0


class Unavailable(Exception):
    """The broker cannot be reached."""


class Log:
    """
    Follows a broker's log on one event loop.

    `deliver` takes the next events, those of one channel each time, and returns the number of deliveries.
    `drop_all` takes the reason why followers have to reconnect: "gap" if the log was replaced, "broker" if it
    cannot be read. `on_start` takes the newest events when following begins.
    """

    def __init__(
        self,
        broker: Broker,
        deliver: Callable[[list[Event]], int],
        drop_all: Callable[[EndReason], object],
        on_start: Callable[[list[Event]], object],
    ) -> None:
        self.broker = broker
        # Changes when the log is replaced.
        self.epoch = 0
        self._deliver = deliver
        self._drop_all = drop_all
        self._on_start = on_start
        self._loop = asyncio.get_running_loop()
        self._recent: Recent | None = None
        self._is_ready = asyncio.Event()
        self._wake = asyncio.Event()
        self._newest: tuple[Event, ...] = ()
        self._reading = asyncio.Lock()
        self._catching_up: asyncio.Task[None] | None = None
        self._thread = CallThread("sse-log", READ_SECONDS, unpooled=True)
        self._call = self._thread.call if broker.is_blocking else _call
        self._replays = Replays(broker, READ_SECONDS, lambda: self.recent.newest.position)
        self._maintainer = CallThread("sse-maintenance", MAX_MAINTENANCE_SECONDS)
        self._task: asyncio.Task[None] | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._read_at = self._loop.time()
        self._pause = MIN_BACKOFF_SECONDS
        # When following failed last.
        self._failed_at = 0.0
        self._failure: BaseException | None = None

    def start_soon(self) -> None:
        """Follow from now on, or as soon as the log can be read."""
        if self._task is None or self._task.done():
            self._task = self._create_task(self._supervise())
        if self._watchdog is None:
            self._check_outage()

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
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
        if self._watchdog is not None:
            self._watchdog.cancel()
        for thread in (self._thread, self._replays.thread, self._maintainer):
            thread.close()

    @property
    def can_read(self) -> bool:
        """Whether the log could be read recently."""
        return self._is_ready.is_set()

    @property
    def recent(self) -> Recent:
        """The newest events that were delivered; raises `Unavailable` before the first ones were read."""
        if self._recent is None:
            raise Unavailable
        return self._recent

    async def catch_up_to(self, position: Position) -> None:
        """
        Read until the position is in memory: a client may bring one from a process that has read further.

        Raises `Gap` if the log is known not to contain the position, `Unavailable` if it cannot be read.
        """
        # A read that is shared may have begun before the event at that position was there.
        for _ in range(2):
            if self._lacks(position):
                if self._catching_up is None or self._catching_up.done():
                    self._catching_up = self._create_task(self._catch_up())
                await _result(self._catching_up)
        if self._lacks(position):
            raise Gap(position)

    async def read_after(self, since: Position, channels: frozenset[str]) -> tuple[list[Event], Position]:
        """
        Return the next durable events of some channels, read from the broker, and the position reached.

        Raises `Gap` if the log does not contain the position `since`, `Unavailable` if it cannot be read.
        """
        return await _result(self._replays.request(since, channels))

    async def latest(self, channels: frozenset[str]) -> dict[str, Event]:
        """Return the newest durable event of each channel that has one; raises `Unavailable`."""
        known = self.recent.latest(channels)
        if unknown := channels.difference(known):
            older = await _result(self._replays.request(None, unknown))
            if older:
                # An event that is newer than those in memory would be delivered again.
                await self.catch_up_to(max(event.position for event in older))
            known = {event.channel: event for event in older} | known
        return known | self.recent.latest(channels)

    def _lacks(self, position: Position) -> bool:
        return position.number >= self.recent.oldest.number and position not in self.recent

    def _create_task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._loop.create_task(work, context=contextvars.Context())
        # The callers may be gone, and asyncio would report the exception as never retrieved.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return task

    async def _supervise(self) -> None:
        while True:
            others = [self._create_task(work) for work in (self.broker.listen(self._wake_up), self._maintain())]
            for task in others:
                task.add_done_callback(lambda _: self._wake_up())
            following = self._create_task(self._follow(*others))
            try:
                await asyncio.wait({following})
            finally:
                for task in (*others, following):
                    task.cancel()
            self._failure = None if following.cancelled() else following.exception()
            migration_hint(self._failure)
            is_first, self._failed_at = self._read_at >= self._failed_at, self._loop.time()
            if is_first and not await asyncio.to_thread(is_outage_known):
                logger.warning("The broker cannot be read (%s). Trying again until it can.", _outcome(following))
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))
            self._pause = min(self._pause * 2, MAX_BACKOFF_SECONDS)

    def _wake_up(self, *newest: Event) -> None:
        """Catch up soon, without a read if only the last of these events is new, and this was the only call."""
        self._newest = () if self._wake.is_set() else newest
        self._wake.set()

    async def _follow(self, *others: asyncio.Task[None]) -> None:
        """Read whenever there may be new events; raises when one of the other tasks has ended."""
        while True:
            timer = self._loop.call_later(MAINTENANCE_SECONDS, self._wake_up)
            await self._wake.wait()
            timer.cancel()
            if (pause := self._read_at + GATHER_SECONDS - self._loop.time()) > 0:
                await asyncio.sleep(pause)
            self._wake.clear()
            await self._catch_up(self._newest)
            for task in others:
                if task.done():
                    raise ConnectionError(_outcome(task))
            self._pause = MIN_BACKOFF_SECONDS

    async def _maintain(self) -> None:
        call = self._maintainer.call if self.broker.is_blocking else _call
        while True:
            await call(self.broker.maintain)
            await asyncio.sleep(MAINTENANCE_SECONDS)

    def _check_outage(self) -> None:
        """Drop all followers if the log could not be read for too long; called periodically."""
        if self._is_ready.is_set() and self._loop.time() - self._read_at >= MAX_OUTAGE_SECONDS:
            self._is_ready.clear()
            logger.error("Events cannot be read. Clients are disconnected and refused until they can.")
            self._drop_all("broker")
        self._watchdog = self._loop.call_later(MAX_OUTAGE_SECONDS / 10, self._check_outage)

    async def _catch_up(self, newest: Sequence[Event] = ()) -> None:
        """Deliver the new events: those of `newest` if its first one is the last delivered, else read the log."""
        async with self._reading:
            if self._recent is None:
                self._on_start(await self._load())
            deliveries, size = 0, PAGE
            while size == PAGE:
                delivered = self.recent.newest.position
                try:
                    if newest and newest[0].position == delivered:
                        events = [*newest[1:]]
                    else:
                        events = await self._call(self.broker.read, delivered, PAGE)
                except Gap:
                    await self._start_over()
                    return
                self._note_success()
                size = len(events)
                for _, events_of_channel in groupby(events, key=attrgetter("channel")):
                    run = list(events_of_channel)
                    # No await between the two: a client that joins gets an event once, live or as a recent one.
                    self.recent.add(run)
                    deliveries += len(run) + self._deliver(run)
                    if deliveries > DELIVERIES_AT_ONCE:
                        deliveries = 0
                        await asyncio.sleep(0)

    async def _start_over(self) -> None:
        logger.warning("The event log was replaced, or trimmed too early. All clients load their data again.")
        await self._load()
        self._drop_all("gap")

    async def _load(self) -> list[Event]:
        newest = await self._call(self.broker.tail, RECENT_EVENTS)
        self._recent = Recent(newest)
        self.epoch += 1
        self._note_success()
        return newest

    def _note_success(self) -> None:
        self._read_at = self._loop.time()
        self._is_ready.set()


async def _call(function: Callable, *arguments: Any) -> Any:
    return function(*arguments)


async def _result(shared: asyncio.Future) -> Any:
    """Return the result of a read for which others may wait, too."""
    await asyncio.wait({shared})
    try:
        return shared.result()
    except Gap:
        raise
    except (Exception, asyncio.CancelledError) as error:
        raise Unavailable from error


def _outcome(task: asyncio.Task[Any]) -> str:
    """Return in words how a task has ended."""
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    return f"{type(error).__name__}: {error}" if error else "it returned"
