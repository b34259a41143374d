"""
One open stream: it sends the events of its source to a client until one side ends it.

The source is an async generator or channels. The connection writes to an ASGI `send`: the server's own
after the hand-off, or a pipe that an ordinary response reads.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Literal, Protocol

from ..conf import setting
from ..stats import metrics
from ..stats.metrics import EndReason
from ..wire.events import Position, sse_comment, sse_event, sse_retry
from ..wire.ids import FINISHED
from . import recent_revocations, registry
from .registry import Client
from .writer import Send, Writer

KEEPALIVE = sse_comment("keepalive").encode()
END_FRAME = sse_event({}, event="sse:end", id=FINISHED).encode()
# A client that accepts no bytes for this long has stopped reading.
STALL_SECONDS = 120.0
# Timers may run a little early.
TICK_TOLERANCE_SECONDS = registry.TICK_SECONDS / 10


type Joinable = Literal["yes", "latest"] | None


class Source(Protocol):
    """
    What a connection plays.

    `has_positions`: it sends the client the position at which it begins. `joinable`: a tab that joins the
    stream late misses nothing ("yes"), misses nothing if the stream begins again ("latest"), or would (None).
    """

    has_positions: bool
    joinable: Joinable

    async def play(self, connection: "Connection") -> None:
        """Write to the connection until there is no more; cancelled when the connection ends."""


class Connection(Writer):
    """
    One open stream.

    `opening` is sent first. `retry_ms` is the client's reconnection delay, `keepalive` the seconds of silence
    after which a comment is sent, `name` the view in the log, `started` the start of the request.
    `on_release` is called once with the client when the connection no longer counts for the limits.
    """

    def __init__(
        self,
        source: Source,
        *,
        opening: str,
        retry_ms: int,
        keepalive: float,
        client: Client,
        name: str = "stream",
        started: recent_revocations.RequestStart | None = None,
        on_release: Callable[[Client], object] | None = None,
    ) -> None:
        super().__init__(name)
        self.opening = opening
        self.retry_ms = retry_ms
        self.keepalive = keepalive
        self.client = client
        self.permissions: int | None = None
        self.channels: frozenset[str] = frozenset()
        self.keepalive_frame = keepalive_comment
        started = started or recent_revocations.RequestStart.now()
        self.opened_at = started.at
        self.newest_revocation: recent_revocations.Revocation | None = started.newest
        self.ends_at = time.monotonic() + _max_age()
        self.source = source
        self._task: asyncio.Task[Any] | None = None
        self._last_write = time.monotonic()
        self._on_release = on_release

    def __del__(self) -> None:
        # A client may disconnect before its response starts.
        self.release()

    async def run(self, send: Send, transport_is_closed: Callable[[], bool] | None = None) -> bool:
        """
        Play the source until it is finished or the connection is ended; its `finally` has run then.

        Returns whether the response is complete. If not, the client has disconnected or does not read,
        and nothing more can be sent to it.
        """
        self._send, self._task = send, asyncio.current_task()
        self._transport_is_closed = transport_is_closed or self._transport_is_closed
        streams = registry.get_registry()
        try:
            streams.add(self)
            metrics.counts["opened"] += 1
            if registry.is_stopping():
                self.end("restart")
            self.write(self.opening.encode())
            try:
                await self.drain()
                if not self.is_ended:
                    await self.source.play(self)
            except asyncio.CancelledError:
                if not self.is_ended:
                    raise
                # The task is the server's own and serves the next request of this TCP connection.
                self._task.uncancel()  # type: ignore[union-attr]
            finally:
                self._task = None
            return await self._complete()
        finally:
            self.on_disconnect()
            streams.discard(self)
            self.release()

    async def _complete(self) -> bool:
        """Send the last bytes; the connection counts as open until the client has taken them or is given up."""
        if self.end_reason:
            self.write(sse_retry(jittered(self.retry_ms)).encode())
        elif not self._is_closed:
            self.end_reason, self.ends_at = "finished", time.monotonic()
        await self.drain()
        self.deliver((), b"", more_body=False)
        await self.drain()
        return not self._is_closed

    @property
    def is_ended(self) -> bool:
        """Whether the client has disconnected or the stream was ended."""
        return self._is_closed or bool(self.end_reason)

    @property
    def outcome(self) -> str:
        """Why the stream is over: the reason for which it was ended, `left` or `finished`."""
        return self.end_reason or "left"

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

    def keep_alive(self, now: float) -> None:
        """Send a keepalive after enough silence; called about once a second."""
        if self._has_written:
            # Dated to the previous call, so that no keepalive is late.
            self._has_written, self._last_write = False, now - registry.TICK_SECONDS
            self._check_transport()
        elif self._flushing is not None:
            if now - self._last_write >= STALL_SECONDS:
                self.drop("slow")
        elif not self.is_ended and now - self._last_write >= self.keepalive - TICK_TOLERANCE_SECONDS:
            self._check_transport()
            self.write(self.keepalive_frame())
            self._has_written, self._last_write = False, now

    def drop(self, reason: EndReason) -> None:
        """End the stream and discard its backlog, which the client gets by replay when it reconnects."""
        self._clear_backlog()
        self.end(reason)

    def end(self, reason: EndReason) -> None:
        """End the stream and ask the client to reconnect. Later calls do nothing."""
        if not self.is_ended:
            self.end_reason = reason
            self.ends_at = time.monotonic()
            metrics.hang_ups[reason] += 1
            self._cancel_task()

    def on_disconnect(self) -> None:
        """Stop, because the client has disconnected."""
        if not self._is_closed:
            self._is_closed = True
            self._clear_backlog()
            if self._flushing is not None:
                self._flushing.cancel()
            self._cancel_task()

    def force_close(self) -> None:
        """Stop waiting for the client of an ended stream if it does not read."""
        if self.end_reason and self._flushing is not None:
            self.on_disconnect()

    def release(self) -> None:
        """Stop counting this connection for the limits. Later calls do nothing."""
        if self._on_release is not None:
            on_release, self._on_release = self._on_release, None
            on_release(self.client)

    async def frames(self) -> AsyncGenerator[bytes]:
        """Run the connection and yield its bytes, for responses that are not handed off."""
        pipe: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def send(message: dict[str, Any]) -> None:
            if message["more_body"]:
                pipe.put_nowait(message["body"])
                await pipe.join()

        running = asyncio.ensure_future(self.run(send))
        running.add_done_callback(lambda _: pipe.put_nowait(None))
        try:
            while (frame := await pipe.get()) is not None:
                yield frame
                pipe.task_done()
        finally:
            self.on_disconnect()
            await asyncio.wait({running})

    def _check_transport(self) -> None:
        # uvicorn does not report a disconnect if the client has already sent its next request.
        if self._transport_is_closed():
            self.on_disconnect()

    def _cancel_task(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()


def keepalive_comment() -> bytes:
    """Return a keepalive without a position."""
    return KEEPALIVE


def reset_frame(reason: str) -> str:
    """Return the event after which a client fetches the page's data again, because events may be missing."""
    metrics.count("resets")
    return sse_event({"reason": reason}, event="sse:reset")


def jittered(milliseconds: int) -> int:
    """Return a random delay between half and one and a half times `milliseconds`."""
    return round(milliseconds * random.uniform(0.5, 1.5))


def _max_age() -> float:
    """Return a random age in seconds at which a connection is ended, infinity without a limit."""
    seconds = setting("SSE_MAX_AGE")
    return seconds * random.uniform(0.75, 1.25) if seconds else math.inf
