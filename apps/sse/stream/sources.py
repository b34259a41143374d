"""The sources of a connection: an async generator, or channels."""

import functools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any, Literal

from django.conf import settings

from ..brokers import Gap
from ..delivery.hub import Hub, get_hub
from ..delivery.log import Unavailable
from ..wire.events import Event, Position, sse_event
from ..wire.ids import FINISHED, ID_ERRORS
from .connection import Connection
from .query_threads import QueryThreadLease
from .subscription import StreamStart, SubscriptionEnded

logger = logging.getLogger("apps.sse")

FAILED = "The stream failed on the server."
END_FRAME = sse_event({}, event="sse:end", id=FINISHED).encode()

# What a connection plays.
type Source = GeneratorSource | ChannelSource
# A tab that joins the stream late misses nothing ("yes"), misses nothing if the stream begins again ("latest"), or
# would (None).
type Joinable = Literal["yes", "latest"] | None


class GeneratorSource:
    """
    The frames that an async generator yields: strings from `event()`, or events.

    `start` is where a stream with positions starts. `restart` returns the source to play instead if the
    generator raises one of `ID_ERRORS` before its first event.
    """

    def __init__(
        self,
        stream: AsyncGenerator[str | Event],
        start: StreamStart | None,
        restart: Callable[[Exception], Awaitable["GeneratorSource"]] | None = None,
        joinable: bool | Literal["latest"] = False,
    ) -> None:
        self.joinable: Joinable = "yes" if joinable is True else joinable or None
        self.has_positions = start is not None
        self._stream = stream
        self._start = start
        self._restart = restart

    async def play(self, connection: Connection) -> None:
        """Write what the generator yields, then `sse:end`; log an exception and write `sse:error`."""
        fresh = None
        try:
            # All in this coroutine, because each takes memory while the stream is open.
            async with QueryThreadLease() as lease:
                try:
                    if self._start is not None:
                        await self._start.open(connection)
                    async for frame in self._stream:
                        _write(connection, frame)
                        # Otherwise the frame stays in memory until the next one.
                        del frame
                        await connection.drain()
                        if connection.is_ended:
                            return
                        await lease.release()
                except ID_ERRORS as error:
                    if self._restart is None or connection.events:
                        raise
                    fresh = await self._restart(error)
                finally:
                    await self._stream.aclose()
        except SubscriptionEnded as error:
            connection.drop(error.args[0])
        except Unavailable:
            connection.drop("broker")
        except Exception as error:
            logger.exception("%s: stream() raised an exception. The client will reconnect.", connection.name)
            message = f"{type(error).__name__}: {error}" if settings.DEBUG else FAILED
            connection.write(sse_event({"message": message}, event="sse:error").encode())
        else:
            if fresh is not None:
                connection.reset("unknown-id")
                await fresh.play(connection)
            elif not connection.is_ended:
                connection.write(END_FRAME)


class ChannelSource:
    """The events of channels: every one after the position `since`, or only the newest if `latest`."""

    has_positions = True

    def __init__(self, channels: Iterable[str], *, latest: bool, since: Position | None) -> None:
        self._channels = _unique(tuple(channels))
        self._latest = latest
        self.joinable: Joinable = "latest" if latest else "yes"
        self._since = since

    async def play(self, connection: Connection) -> bool:
        """Replay, then follow until the connection ends."""
        connection.channels, connection.latest = self._channels, self._latest
        hub = get_hub()
        try:
            await hub.start()
            await self._join(hub, connection)
            connection.keepalive_frame = hub.keepalive_frame
        except Unavailable:
            connection.drop("broker")
        return not connection.is_ended

    async def _join(self, hub: Hub, connection: Connection) -> None:
        try:
            if self._since is None:
                await self._begin(hub, connection)
            elif self._latest:
                await hub.join_latest(connection, self._since)
            else:
                await hub.join_after(connection, self._since)
        except Gap:
            connection.reset("gap")
            await connection.drain()
            await self._begin(hub, connection)

    async def _begin(self, hub: Hub, connection: Connection) -> None:
        if self._latest:
            await hub.join_latest(connection)
            newest = hub.newest
        else:
            newest = hub.join(connection)
        connection.begin_at(newest)


@functools.lru_cache
def _unique(channels: tuple[str, ...]) -> tuple[str, ...]:
    """Return channels without repetitions: the same object to many connections, which saves memory in each."""
    return tuple(dict.fromkeys(channels))


def _write(connection: Connection, frame: Any) -> None:
    if not isinstance(frame, str | Event):
        raise TypeError(
            f"stream() yielded {frame!r}. Yield a string, such as self.event(name, data), or an Event."
        )
    data = frame.frame if isinstance(frame, Event) else frame.encode()
    connection.write(data)
    connection.count(b"data:" in data)
