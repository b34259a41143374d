"""What a connection plays: the frames of a `stream()`, or the events of channels."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

from django.conf import settings

from . import metrics
from .brokers import Gap
from .connection import Connection, Joinable
from .events import Event, Position, sse_event
from .hub import Hub, get_hub
from .ids import FINISHED, UNUSABLE_ID
from .log import Unavailable
from .threads import Use

logger = logging.getLogger("apps.sse")

FAILED = "The stream failed on the server."
MOST_WAITING = 1000


class Behind(Exception):
    """A `stream()` is given no more events of its channels, for a reason such as "slow"."""


def reset(reason: str) -> str:
    """Return the event that tells a client that it may have missed something, and to fetch anew."""
    metrics.counts["resets"] += 1
    return sse_event({"reason": reason}, event="sse:reset")


def opened(position: Position) -> str:
    """Return the event that gives a client the position at which its stream begins."""
    # With data, since many clients ignore the id of an event that has none.
    return sse_event({}, event="sse:open", id=str(position))


END = sse_event({}, event="sse:end", id=FINISHED)


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
            self._connection.write(reset("gap").encode())
            self._begin(newest)

    def reach(self, event: Event) -> None:
        """Note an event that was taken, so that the next subscription does not begin before it."""
        if self.since and event.number > self.since.number:
            self.since = event.position

    def _begin(self, position: Position) -> None:
        self.since = position
        if self._connection is not None:
            self._connection.write(opened(position).encode())


class Generated:
    """
    The frames that an async generator yields: strings as `event()` makes them, or events.

    `place` is that of a stream that has positions. `restart` returns what is played instead if the
    generator raises one of `UNUSABLE_ID` before its first event.
    """

    def __init__(
        self,
        stream: AsyncGenerator[str | Event],
        place: Place | None,
        restart: Callable[[Exception], Awaitable["Generated"]] | None = None,
        joinable: bool = False,
    ) -> None:
        self.joinable: Joinable = "yes" if joinable else None
        self.has_positions = place is not None
        self._stream = stream
        self._place = place
        self._restart = restart

    async def play(self, connection: Connection) -> None:
        """Write what is yielded, then that it is finished; what it raises is logged."""
        try:
            async with Use() as use:
                await self._play(connection, use)
        except Behind as error:
            connection.hang_up(str(error))
        except Unavailable:
            connection.hang_up("broker")
        except Exception as error:
            logger.exception("%s: stream() raised an exception. The client will reconnect.", connection.name)
            message = f"{type(error).__name__}: {error}" if settings.DEBUG else FAILED
            connection.write(sse_event({"message": message}, event="sse:error").encode())
        else:
            if not connection.is_ended:
                connection.write(END.encode())

    async def _play(self, connection: Connection, use: Use) -> None:
        try:
            await self._send(connection, use)
        except UNUSABLE_ID as error:
            if self._restart is None or connection.events:
                raise
            instead = await self._restart(error)
            connection.write(reset("unknown-id").encode())
            await instead._send(connection, use)

    async def _send(self, connection: Connection, use: Use) -> None:
        if self._place is not None:
            await self._place.open(connection)
        async with aclosing(self._stream) as stream:
            async for frame in stream:
                data = _encode(frame)
                connection.write(data)
                connection.count(b"data:" in data)
                await connection.room()
                if connection.is_ended:
                    return
                await use.give_back()


class Followed:
    """The events of channels: every one after the position `since`, or only the newest if `latest`."""

    has_positions = True

    def __init__(self, channels: Iterable[str], *, latest: bool, since: Position | None) -> None:
        self._channels = frozenset(channels)
        self._latest = latest
        self.joinable: Joinable = "latest" if latest else "yes"
        self._since = since

    async def play(self, connection: Connection) -> None:
        """Replay, then follow until the connection ends."""
        connection.channels, connection.latest = self._channels, self._latest
        hub = get_hub()
        try:
            await hub.start()
            await self._join(hub, connection)
            connection.pulse = hub.pulse
            if not connection.is_ended:
                await asyncio.get_running_loop().create_future()
        except Unavailable:
            connection.hang_up("broker")
        finally:
            hub.leave(connection)

    async def _join(self, hub: Hub, connection: Connection) -> None:
        try:
            if self._since is None:
                await self._begin(hub, connection)
            elif self._latest:
                await hub.join_latest(connection, self._since)
            else:
                await hub.join_after(connection, self._since)
        except Gap:
            connection.write(reset("gap").encode())
            await connection.room()
            await self._begin(hub, connection)

    async def _begin(self, hub: Hub, connection: Connection) -> None:
        if self._latest:
            await hub.join_latest(connection)
            newest = hub.newest
        else:
            newest = hub.join(connection)
        connection.write(opened(newest).encode())


class Subscription:
    """
    The events of channels inside a `stream()`: `async with … as events: async for event in events`.

    It begins at `place`, or now if that is not open; the stream's next one begins after the last event
    that was taken. Raises `Behind` if more than a thousand events wait to be taken, or
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
        if len(self._waiting) > MOST_WAITING:
            self.hang_up("slow")
        self._taken.clear()
        self._arrived.set()
        return 0

    async def room(self) -> None:
        """Wait until every event was taken."""
        await self._taken.wait()

    def hang_up(self, reason: str) -> None:
        """Let the iteration fail, so that its stream ends and its client comes back."""
        self._fail(Behind(reason))

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


def _encode(frame: Any) -> bytes:
    if isinstance(frame, Event):
        return frame.frame
    if isinstance(frame, str):
        return frame.encode()
    raise TypeError(f"stream() yielded {frame!r}. Yield a string, such as self.event(name, data), or an Event.")
