"""Writes to one client without waiting: data that its socket does not take is kept in a bounded backlog."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from functools import partial
from types import coroutine
from typing import Any

from ..stats.metrics import EndReason
from ..wire.events import Event

type Send = Callable[[dict[str, Any]], Awaitable[None]]

BACKLOG_BYTES = 256 * 1024
BACKLOG_WRITES = 1000

logger = logging.getLogger("apps.sse")


class Writer:
    """
    Sends to a client through `_send`, an ASGI `send`.

    While a call of `_send` waits for the client, later data is kept in the backlog. With `latest`, the backlog
    keeps only the newest event of each channel. If `_send` raises, the client counts as disconnected.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.latest = False
        self.events = 0
        self.backlog_bytes = 0
        self.end_reason: EndReason | None = None
        self._send: Send = _not_running
        self._transport_is_closed: Callable[[], bool] = _unknown
        self._flushing: asyncio.Task[None] | None = None
        self._backlog: dict[Any, bytes] = {}
        self._has_written = False
        self._is_closed = False

    def drop(self, reason: EndReason) -> None:
        """End the stream and discard the backlog."""
        raise NotImplementedError

    def on_disconnect(self) -> None:
        """Stop, because the client has disconnected."""
        raise NotImplementedError

    def deliver(self, events: Sequence[Event], data: bytes, more_body: bool = True) -> int:
        """
        Send the bytes of some events, or keep them until the client reads; return the number of events.

        An ended stream accepts no events, only its last bytes.
        """
        if self._is_closed or (self.end_reason and events):
            return 0
        self.events += len(events)
        if self._flushing is not None:
            self._keep(data, events[0] if len(events) == 1 else None)
            return len(events)
        # One step without a task is enough, unless the socket is full.
        try:
            sending = self._send({"type": "http.response.body", "body": data, "more_body": more_body}).__await__()
            blocked_by = next(sending)
        except StopIteration:
            self._has_written = True
        except (Exception, asyncio.CancelledError) as error:
            self._on_send_error(error)
        else:
            flush = self._flush(_continue(sending, blocked_by))
            self._flushing = asyncio.get_running_loop().create_task(flush)
        return len(events)

    def write(self, data: bytes) -> None:
        """Send bytes that are no events of a channel, or keep them until the client reads."""
        self.deliver((), data)

    async def drain(self) -> None:
        """Wait until the server has taken everything that was written."""
        if self._flushing is not None:
            await asyncio.wait({self._flushing})

    def _on_send_error(self, error: BaseException) -> None:
        # After a disconnect servers raise different exceptions.
        is_usual = isinstance(error, (OSError, asyncio.CancelledError)) or self._transport_is_closed()
        if not (self._is_closed or is_usual):
            logger.warning("%s: sending to a client raised %r. The client was dropped.", self.name, error)
        self.on_disconnect()

    def _keep(self, data: bytes, event: Event | None) -> None:
        key: Any = object()
        if event and self.latest:
            # Keep the durable event: it can be replayed, a newer event that is not durable cannot.
            key = (event.channel, event.durable)
            for older in {key, (event.channel, False)}:
                self.backlog_bytes -= len(self._backlog.pop(older, b""))
        self.backlog_bytes += len(data)
        self._backlog[key] = data
        if self.backlog_bytes > BACKLOG_BYTES or len(self._backlog) > BACKLOG_WRITES:
            self.drop("slow")

    def _clear_backlog(self) -> None:
        self._backlog.clear()
        self.backlog_bytes = 0

    async def _flush(self, sending: Awaitable[None]) -> None:
        try:
            await sending
            while self._backlog:
                self._has_written = True
                data = b"".join(self._backlog.values())
                self._clear_backlog()
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except (Exception, asyncio.CancelledError) as error:
            self._on_send_error(error)
        finally:
            self._flushing = None
            self._has_written = True


@coroutine
def _continue(steps: Generator[Any], blocked_by: Any) -> Generator[Any]:
    """Continue a coroutine that was stepped once, in a task."""
    while True:
        try:
            yield blocked_by
        except BaseException as error:
            step = partial(steps.throw, error)
        else:
            step = partial(next, steps)
        try:
            blocked_by = step()
        except StopIteration:
            return


async def _not_running(message: dict[str, Any]) -> None:
    raise RuntimeError("This connection is not running.")


def _unknown() -> bool:
    return False
