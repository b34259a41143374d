"""What an async generator yields, as the source of a connection."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from django.conf import settings

from ..delivery.log import Unavailable
from ..wire.events import Event, sse_event
from ..wire.ids import UNUSABLE_ID
from .connection import Connection, Joinable
from .frames import END_FRAME, reset_frame
from .query_threads import QueryThreadLease
from .subscription import Place, SlowConsumer

logger = logging.getLogger("apps.sse")

FAILED = "The stream failed on the server."


class GeneratorSource:
    """
    The frames that an async generator yields: strings as `event()` makes them, or events.

    `place` is that of a stream that has positions. `restart` returns what is played instead if the
    generator raises one of `UNUSABLE_ID` before its first event.
    """

    def __init__(
        self,
        stream: AsyncGenerator[str | Event],
        place: Place | None,
        restart: Callable[[Exception], Awaitable["GeneratorSource"]] | None = None,
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
            async with QueryThreadLease() as lease:
                await self._play(connection, lease)
        except SlowConsumer as error:
            connection.drop(str(error))
        except Unavailable:
            connection.drop("broker")
        except Exception as error:
            logger.exception("%s: stream() raised an exception. The client will reconnect.", connection.name)
            message = f"{type(error).__name__}: {error}" if settings.DEBUG else FAILED
            connection.write(sse_event({"message": message}, event="sse:error").encode())
        else:
            if not connection.is_ended:
                connection.write(END_FRAME.encode())

    async def _play(self, connection: Connection, lease: QueryThreadLease) -> None:
        try:
            await self._send(connection, lease)
        except UNUSABLE_ID as error:
            if self._restart is None or connection.events:
                raise
            instead = await self._restart(error)
            connection.write(reset_frame("unknown-id").encode())
            await instead._send(connection, lease)

    async def _send(self, connection: Connection, lease: QueryThreadLease) -> None:
        if self._place is not None:
            await self._place.open(connection)
        async with aclosing(self._stream) as stream:
            async for frame in stream:
                data = _encode(frame)
                connection.write(data)
                connection.count(b"data:" in data)
                await connection.drain()
                if connection.is_ended:
                    return
                await lease.give_back()


def _encode(frame: Any) -> bytes:
    if isinstance(frame, Event):
        return frame.frame
    if isinstance(frame, str):
        return frame.encode()
    raise TypeError(f"stream() yielded {frame!r}. Yield a string, such as self.event(name, data), or an Event.")
