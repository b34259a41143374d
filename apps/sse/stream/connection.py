"""
One open stream: it sends the events of its source to a client until one side ends it.

The source is an async generator or channels. The connection writes to an ASGI `send`: the server's own
after the hand-off, or a pipe that an ordinary response reads.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from ..conf import setting
from ..delivery.followers import Backlog, Message, Send, continue_in_task, message_of, send_to_all
from ..delivery.hub import get_hub
from ..stats import metrics
from ..stats.metrics import EndReason
from ..wire.events import Event, Position, sse_comment, sse_event, sse_retry
from . import registry
from .registry import Client

KEEPALIVE = sse_comment("keepalive").encode()
# A client that accepts no bytes for this long has stopped reading.
STALL_SECONDS = 120.0
# The client of a session that was ended comes back soon, and learns whether it may still read.
ACCESS_RETRY_MS = 300
# A keepalive is sent this much early, because the next tick would be late. Timers may run a little early.
TICK_SECONDS = 0.9 * registry.TICK_SECONDS

logger = logging.getLogger("apps.sse")


@dataclass(slots=True, eq=False)
class Connection:
    """
    One open stream. `play` writes to it, and returns whether only events of channels follow.

    `opening` is sent first. `retry_ms` is the client's reconnection delay, `keepalive` the seconds of silence
    after which a comment is sent, `name` the view in the log, `opened_at` the Unix time when the request started.
    `has_positions`: `play` sends the position at which it begins.
    `on_release` is called once with the client when the connection no longer counts for the limits.
    Writing never waits: while a call of `send` waits for the client, later data is kept in the backlog. With
    `latest`, the backlog keeps only the newest event of each channel.
    """

    play: Callable[["Connection"], Awaitable[bool | None]]
    _: KW_ONLY
    opening: str
    retry_ms: int
    keepalive: float
    client: Client
    name: str = "stream"
    has_positions: bool = False
    opened_at: float = field(default_factory=time.time)
    on_release: Callable[[Client], object] | None = None
    channels: tuple[str, ...] = field(default=(), init=False)
    latest: bool = field(default=False, init=False)
    keepalive_frame: Callable[[], bytes] = field(default=lambda: KEEPALIVE, init=False)
    permissions: int | None = field(default=None, init=False)
    ends_at: float = field(init=False)
    end_reason: EndReason | None = field(default=None, init=False)
    events: int = field(default=0, init=False)
    written_at: float = field(init=False)
    # The server's, as `wrap_send` returns it, while it can be called.
    send: Send | None = field(default=None, init=False)
    wrap_send: Callable[[Send], Send] = field(default=lambda send: send, init=False)
    _send: Send = field(init=False)
    _server_send: Send = field(init=False)
    _transport_is_closed: Callable[[Send], bool] | None = field(init=False)
    _task: asyncio.Task[Any] | None = field(default=None, init=False)
    _flushing: asyncio.Task[None] | None = field(default=None, init=False)
    _backlog: Backlog | None = field(default=None, init=False)
    _is_closed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.written_at = time.monotonic()
        max_age = setting("SSE_MAX_AGE")
        # Random, so that streams which began together do not end together.
        self.ends_at = self.written_at + max_age * random.uniform(0.75, 1.25) if max_age else math.inf

    def __del__(self) -> None:
        # A client may disconnect before its response starts.
        self.release()

    async def run(
        self,
        send: Send,
        receive: Callable[[], Awaitable[Any]] | None = None,
        watching: asyncio.Task[Any] | None = None,
        transport_is_closed: Callable[[Send], bool] | None = None,
    ) -> bool:
        """
        Play the source until it is finished or the connection is ended; its `finally` has run then.

        `receive` returns when the client has disconnected. Until only that is to be awaited, `watching` does so.
        Returns whether the response is complete. If not, the client has disconnected or does not read,
        and nothing more can be sent to it.
        """
        self._server_send, self._send = send, self.wrap_send(send)
        self.send = self._send
        self._task, self._transport_is_closed = asyncio.current_task(), transport_is_closed
        if watching is not None:
            watching.add_done_callback(self._on_watched, context=watching.get_context())
        streams = registry.get_registry()
        try:
            streams.add(self)
            metrics.counts["opened"] += 1
            self.write(self.opening.encode())
            del self.opening
            try:
                await self.drain()
                if not self.is_ended and await self.play(self):
                    # In this task, which saves the memory of another one.
                    if watching is not None:
                        watching.cancel()
                    watching = None
                    del self.play
                    await (receive() if receive else asyncio.get_running_loop().create_future())
                    self.on_disconnect()
            except asyncio.CancelledError:
                if not self.is_ended:
                    raise
                # The task is the server's own and serves the next request of this TCP connection.
                self._task.uncancel()  # type: ignore[union-attr]
            finally:
                self._task = None
                if self.channels:
                    get_hub().leave(self)
            return await self._complete()
        finally:
            if watching is not None:
                watching.cancel()
            self.on_disconnect()
            streams.discard(self)
            self.release()

    async def _complete(self) -> bool:
        """Send the last bytes; the connection counts as open until the client has taken them or is given up."""
        # Random, so that streams which end together do not open together.
        base = min(self.retry_ms, ACCESS_RETRY_MS) if self.end_reason == "access" else self.retry_ms
        retry_ms = round(base * random.uniform(0.5, 1.5))
        last = sse_retry(retry_ms).encode() if self.end_reason else b""
        if not self.end_reason and not self._is_closed:
            self.end_reason, self.ends_at = "finished", time.monotonic()
        await self.drain()
        if not self._is_closed:
            self.send = self._send
            send_to_all([self], (), message_of(last, more_body=False))
            await self.drain()
        return not self._is_closed

    @property
    def is_ended(self) -> bool:
        """Whether the client has disconnected or the stream was ended."""
        return self._is_closed or bool(self.end_reason)

    @property
    def backlog_bytes(self) -> int:
        """The bytes that the client's socket does not take yet."""
        return self._backlog.size if self._backlog else 0

    def deliver(self, events: Sequence[Event], message: Message) -> int:
        """Keep some events until the client reads; an ended stream accepts none. See `Follower`."""
        if self._backlog is None or self._is_closed or (self.end_reason and events):
            return 0
        self.events += len(events)
        self._backlog.add(message["body"], events[0] if self.latest and len(events) == 1 else None)
        if self._backlog.is_full:
            self.drop("slow")
        return len(events)

    def write(self, data: bytes) -> None:
        """Send bytes that are no events of a channel, or keep them until the client reads."""
        send_to_all([self], (), message_of(data))

    async def drain(self) -> None:
        """Wait until the server has taken everything that was written."""
        if self._flushing is not None:
            await asyncio.wait({self._flushing})

    def begin_at(self, position: Position) -> None:
        """Send the position at which the stream begins."""
        # With data, because many clients ignore the id of an event without data.
        self.write(sse_event({}, event="sse:open", id=str(position)).encode())

    def reset(self, reason: str) -> None:
        """Send that events may be missing, so that the client fetches the page's data again."""
        self.write(reset_frame(reason).encode())

    def count(self, events: int) -> None:
        """Count events of a `stream()` that were written to this client."""
        self.events += events
        metrics.counts["delivered"] += events

    def keep_alive(self, now: float, may_be_lost: bool = False) -> None:
        """Send a keepalive after enough silence, or check the TCP connection; called about once a second."""
        silence = now - self.written_at
        if self._flushing is not None and silence >= STALL_SECONDS:
            self.drop("slow")
        elif self.send is not None:
            is_due = silence >= self.keepalive - TICK_SECONDS
            # uvicorn does not report a disconnect if the client has already sent its next request.
            if (is_due or may_be_lost) and self._has_lost_transport():
                self.on_disconnect()
            elif is_due:
                self.write(self.keepalive_frame())

    def drop(self, reason: EndReason) -> None:
        """End the stream and discard its backlog, which the client gets by replay when it reconnects."""
        if self._backlog is not None:
            self._backlog.clear()
        self.end(reason)

    def end(self, reason: EndReason) -> None:
        """End the stream and ask the client to reconnect. Later calls do nothing."""
        if not self.is_ended:
            self.end_reason = reason
            self.ends_at = time.monotonic()
            self.send = None
            metrics.hang_ups[reason] += 1
            self._cancel_task()

    def on_disconnect(self) -> None:
        """Stop, because the client has disconnected."""
        if not self._is_closed:
            self._is_closed = True
            self.send = None
            if self._flushing is not None:
                self._flushing.cancel()
            self._cancel_task()

    def _on_watched(self, watching: asyncio.Task[Any]) -> None:
        if not watching.cancelled():
            self.on_disconnect()

    def on_send_error(self, error: BaseException) -> None:
        """Stop, because the server's `send` has raised an exception."""
        # After a disconnect servers raise different exceptions.
        is_usual = isinstance(error, (OSError, asyncio.CancelledError)) or self._has_lost_transport()
        if not (self._is_closed or is_usual):
            logger.warning("%s: sending to a client raised %r. The client was dropped.", self.name, error)
        self.on_disconnect()

    def force_close(self) -> None:
        """Stop waiting for the client of an ended stream if it does not read."""
        if self.end_reason and self._flushing is not None:
            self.on_disconnect()

    def release(self) -> None:
        """Stop counting this connection for the limits. Later calls do nothing."""
        if self.on_release is not None:
            on_release, self.on_release = self.on_release, None
            on_release(self.client)

    def wait_for_send(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        """Keep later data in the backlog until a call of `send` returns. See `Follower`."""
        self.send, self._backlog = None, Backlog()
        flush = self._flush(continue_in_task(sending, waits_for), self._backlog)
        self._flushing = asyncio.get_running_loop().create_task(flush)

    async def _flush(self, sending: Awaitable[None], backlog: Backlog) -> None:
        try:
            await sending
            while backlog.size and not self._is_closed:
                self.written_at = time.monotonic()
                await self._send(message_of(backlog.take()))
        except (Exception, asyncio.CancelledError) as error:
            self.on_send_error(error)
        finally:
            self._flushing = self._backlog = None
            self.written_at = time.monotonic()
            if not self.is_ended:
                self.send = self._send

    def _has_lost_transport(self) -> bool:
        return self._transport_is_closed is not None and self._transport_is_closed(self._server_send)

    def _cancel_task(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()


def reset_frame(reason: str) -> str:
    """Return the event after which a client fetches the page's data again, because events may be missing."""
    metrics.count("resets")
    return sse_event({"reason": reason}, event="sse:reset")
