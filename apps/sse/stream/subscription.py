"""The events of channels inside a `stream()`."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..brokers import Gap
from ..delivery.hub import get_hub
from ..delivery.log import Unavailable
from ..wire.events import Event, Position
from .connection import Connection
from .frames import open_frame, reset_frame

MAX_WAITING = 1000


class SlowConsumer(Exception):
    """A `stream()` is given no more events of its channels, for a reason such as "slow"."""


class Place:
    """Where a stream that has positions begins: after `since`, or where the log ends at its opening."""

    def __init__(self, since: Position | None) -> None:
        self.since = since
        self._connection: Connection | None = None

    async def open(self, connection: Connection) -> None:
        """Give a client without a position that of the opening; raises `Unavailable`."""
        self._connection = connection
        if self.since is None:
            hub = get_hub()
            await hub.start()
            self._begin(hub.newest)

    def lose(self, newest: Position) -> None:
        """Tell the client that the log does not hold its position, and that the stream begins at another."""
        if self._connection is not None:
            self._connection.write(reset_frame("gap").encode())
            self._begin(newest)

    def reach(self, event: Event) -> None:
        """Note an event that was taken, so that the next subscription does not begin before it."""
        if self.since and event.number > self.since.number:
            self.since = event.position

    def _begin(self, position: Position) -> None:
        self.since = position
        if self._connection is not None:
            self._connection.write(open_frame(position).encode())


class Subscription:
    """
    The events of channels inside a `stream()`: `async with … as events: async for event in events`.

    It begins at `place`, or now if that is not open; the stream's next one begins after the last event
    that was taken. Raises `SlowConsumer` if more than a thousand events wait to be taken, or
    events cannot be read.
    """

    latest = False
    is_ended = False

    def __init__(self, channels: Iterable[str], place: Place) -> None:
        self.channels = frozenset(channels)
        self._place = place
        self._joining: asyncio.Task[None] | None = None
        self._waiting: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._failure: Exception | None = None

    async def __aenter__(self) -> "Subscription":
        self._hub = get_hub()
        await self._hub.start()
        since = self._place.since
        if since is None or since == self._hub.newest:
            self._hub.join(self)
        else:
            self._joining = asyncio.create_task(self._join(since))
        return self

    async def __aexit__(self, *exception: Any) -> None:
        if self._joining is not None:
            self._joining.cancel()
        self._hub.leave(self)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._failure:
                raise self._failure
            self._taken.set()
            self._arrived.clear()
            await self._arrived.wait()
        event = self._waiting.popleft()
        self._place.reach(event)
        return event

    def deliver(self, events: list[Event], data: bytes) -> int:
        """Keep events until they are taken."""
        if self._failure is None:
            self._waiting.extend(events)
        if len(self._waiting) > MAX_WAITING:
            self.drop("slow")
        self._taken.clear()
        self._arrived.set()
        return 0

    async def drain(self) -> None:
        """Wait until every event was taken."""
        await self._taken.wait()

    def drop(self, reason: str) -> None:
        """Let the iteration fail, so that its stream ends and its client comes back."""
        self._fail(SlowConsumer(reason))

    async def _join(self, since: Position) -> None:
        try:
            await self._hub.join_after(self, since)
        except Gap:
            self._place.lose(self._hub.join(self))
        except Unavailable as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._arrived.set()
