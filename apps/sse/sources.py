"""What a connection plays: the frames of a `stream()`, or the events of channels."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any

from django.conf import settings

from . import metrics
from .brokers import Gap
from .connection import Connection
from .events import Event, Position, sse_event, sse_id
from .hub import Hub, get_hub
from .log import Unavailable
from .threads import Use

logger = logging.getLogger("apps.sse")

# An id that asks for nothing more: whoever comes back with it is told that there is nothing.
FINISHED = "sse:end"
FAILED = "The stream failed on the server."
MOST_WAITING = 1000


class Behind(Exception):
    """A `stream()` is too slow for the channels it has subscribed to."""


def reset(reason: str) -> str:
    """Return the event that tells a client that it may have missed something, and to fetch anew."""
    metrics.counts["resets"] += 1
    return sse_event({"reason": reason}, event="sse:reset")


class Generated:
    """
    The frames that an async generator yields: strings as `event()` makes them, or events.

    `has_ids`: a client that has seen the end is given an id that says so.
    """

    def __init__(self, stream: AsyncGenerator[str | Event], *, has_ids: bool) -> None:
        self._stream = stream
        self._end = sse_event({}, event="sse:end", id=FINISHED if has_ids else None)

    async def play(self, connection: Connection) -> None:
        """Write what is yielded, then that it is finished; what it raises is logged."""
        try:
            async with Use() as use, aclosing(self._stream) as stream:
                async for frame in stream:
                    data = _encode(frame)
                    connection.write(data)
                    connection.count(b"data:" in data)
                    await connection.room()
                    if connection.is_ended:
                        return
                    await use.give_back()
        except (Behind, Unavailable) as error:
            connection.hang_up("slow" if isinstance(error, Behind) else "broker")
        except Exception as error:
            logger.exception("%s: stream() raised; the client was told to come back.", connection.name)
            message = f"{type(error).__name__}: {error}" if settings.DEBUG else FAILED
            connection.write(sse_event({"message": message}, event="sse:error").encode())
        else:
            if not connection.is_ended:
                connection.write(self._end.encode())


class Followed:
    """The events of channels: every one after the position `since`, or only the newest if `latest`."""

    def __init__(self, channels: Iterable[str], *, latest: bool, since: Position | None) -> None:
        self._channels = frozenset(channels)
        self._latest = latest
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
            if self._latest:
                await hub.join_latest(connection, self._since)
            elif self._since is not None:
                await hub.join_after(connection, self._since)
            else:
                _begin(hub, connection)
        except Gap:
            connection.write(reset("gap").encode())
            if self._latest:
                await hub.join_latest(connection)
            else:
                _begin(hub, connection)


def _begin(hub: Hub, connection: Connection) -> None:
    # The place goes along, so that a client that has heard nothing yet misses nothing either.
    connection.write(sse_id(str(hub.join(connection))).encode())


class Subscription:
    """
    The events of channels inside a `stream()`: `async with … as events: async for event in events`.

    It begins after the position `since`, or now; `on_gap` is called if the log does not hold that
    position any more. Raises `Behind` if more than a thousand events wait to be taken.
    """

    latest = False

    def __init__(self, channels: Iterable[str], since: Position | None, on_gap: Callable[[], object]) -> None:
        self.channels = frozenset(channels)
        self._since = since
        self._on_gap = on_gap
        self._waiting: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._failure: Exception | None = None

    async def __aenter__(self) -> "Subscription":
        self._hub = get_hub()
        await self._hub.start()
        if self._since is None:
            self._hub.join(self)
        else:
            self._joining = asyncio.create_task(self._join(self._since))
        return self

    async def __aexit__(self, *exception: Any) -> None:
        if self._since is not None:
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
        return self._waiting.popleft()

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
            self._on_gap()
            self._hub.join(self)
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
    raise TypeError(f"stream() yielded {frame!r}: yield strings, such as self.event(name, data), or events.")
