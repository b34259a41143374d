"""Writing to one client without waiting for it: what its socket does not take is kept, up to a limit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

from ..wire.events import Event
from . import transports

Send = Callable[[dict[str, Any]], Awaitable[None]]

BACKLOG_BYTES = 256 * 1024
BACKLOG_WRITES = 1000

logger = logging.getLogger("apps.sse")


class Writer:
    """
    Sends to a client through `_send`, which is a server's `send` or takes the same messages.

    While a call of it waits for room, what is written is kept in a bounded backlog. Of a client that
    follows `latest`, only the newest event of each channel is kept. Whatever `_send` raises, the client
    counts as gone, and no other client is affected.
    """

    __slots__ = ("_backlog", "_flushing", "_has_written", "_is_over", "_send", "backlog_bytes", "latest", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.latest = False
        self.backlog_bytes = 0
        self._send: Send = _refuse
        self._flushing: asyncio.Task[None] | None = None
        self._backlog: dict[Any, bytes] = {}
        self._has_written = False
        self._is_over = False

    def drop(self, reason: str) -> None:
        """End the stream, and forget the backlog."""
        raise NotImplementedError

    def leave(self) -> None:
        """Note that the client has left."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until there is room."""
        if not self._is_over:
            self._write(data, None)

    async def drain(self) -> None:
        """Wait until everything that was written is on its way."""
        if self._flushing is not None:
            await asyncio.wait({self._flushing})

    def _write(self, data: bytes, event: Event | None, *, more_body: bool = True) -> None:
        if self._flushing is not None:
            self._keep(data, event)
            return
        # Stepped by hand: it is done at once, unless the socket is full.
        try:
            sending = self._send(_body(data, more_body)).__await__()
            blocked_by = next(sending)
        except StopIteration:
            self._has_written = True
        except (Exception, asyncio.CancelledError) as error:
            self._lose(error)
        else:
            flush = self._flush(_Resumed(sending, blocked_by))
            self._flushing = asyncio.get_running_loop().create_task(flush)

    def _lose(self, error: BaseException) -> None:
        """Note that the client cannot be sent anything; what a server raises for one that has left differs."""
        is_usual = isinstance(error, (OSError, asyncio.CancelledError)) or transports.is_closed(self._send)
        if not (self._is_over or is_usual):
            logger.warning("%s: sending to a client raised %r. The client was dropped.", self.name, error)
        self.leave()

    def _keep(self, data: bytes, event: Event | None) -> None:
        key: Any = object()
        if event and self.latest:
            # A durable event stays: the one after it that is not durable would not be replayed.
            key = (event.channel, event.durable)
            for older in {key, (event.channel, False)}:
                self.backlog_bytes -= len(self._backlog.pop(older, b""))
        self.backlog_bytes += len(data)
        self._backlog[key] = data
        if self.backlog_bytes > BACKLOG_BYTES or len(self._backlog) > BACKLOG_WRITES:
            self.drop("slow")

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self.backlog_bytes = 0

    async def _flush(self, sending: Awaitable[None]) -> None:
        try:
            await sending
            while self._backlog:
                self._has_written = True
                kept = b"".join(self._backlog.values())
                self._forget_backlog()
                await self._send(_body(kept))
        except (Exception, asyncio.CancelledError) as error:
            self._lose(error)
        finally:
            self._flushing = None
            self._has_written = True


class _Resumed:
    """An awaitable that was stepped once already, and goes on in a task."""

    def __init__(self, steps: Generator[Any], blocked_by: Any) -> None:
        self._steps = steps
        self._blocked_by = blocked_by

    def __await__(self):
        blocked_by = self._blocked_by
        while True:
            try:
                yield blocked_by
            except BaseException as error:
                step = partial(self._steps.throw, error)
            else:
                step = partial(next, self._steps)
            try:
                blocked_by = step()
            except StopIteration:
                return


async def _refuse(message: dict[str, Any]) -> None:
    raise RuntimeError("This connection is not running.")


def _body(data: bytes, more_body: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more_body}
