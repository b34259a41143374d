"""
One client: where its bytes go, and until when.

A connection plays a source (what `stream()` yields, or the events of channels) to whatever
carries its bytes: the server's `send` after the hand-off, or a pipe that an ordinary response
reads from.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator
from typing import Any, Literal, Protocol

from ..conf import setting
from ..stats import metrics
from ..wire.events import Event, sse_comment, sse_retry
from . import recent_revocations, registry, transports
from .registry import Client
from .writer import Send, Writer

KEEPALIVE = sse_comment("keepalive").encode()
# A client that has taken none of a write for this long, however little it was, has stopped reading.
STALL_SECONDS = 120.0
# Timers may run a little early.
TICK_TOLERANCE_SECONDS = registry.TICK_SECONDS / 10


type Joinable = Literal["yes", "latest"] | None


class Source(Protocol):
    """
    What a connection plays.

    `has_positions`: it tells the client the position at which it begins. `joinable`: a tab that joins
    late misses nothing, if those of a stream that gives the `"latest"` have it begin again; None if it would.
    """

    has_positions: bool
    joinable: Joinable

    async def play(self, connection: "Connection") -> None:
        """Write to the connection until there is no more; cancelled when the connection ends."""


class Connection(Writer):
    """
    One open stream.

    `opening` goes out first, `retry_ms` is the reconnection delay that a client is told, `keepalive`
    the seconds of silence after which a comment is sent, `name` what the log calls the view,
    `began` when its request did.

    A client whose backlog gets too long is hung up, and replays when it returns.
    """

    __slots__ = (
        "__weakref__",
        "_ending",
        "_is_counted",
        "_last_write",
        "_task",
        "channels",
        "client",
        "ends_at",
        "events",
        "keepalive",
        "keepalive_frame",
        "opened_at",
        "opening",
        "opening_since",
        "permissions",
        "retry_ms",
        "source",
    )

    def __init__(
        self,
        source: Source,
        *,
        opening: str,
        retry_ms: int,
        keepalive: float,
        client: Client,
        name: str = "stream",
        began: recent_revocations.Beginning | None = None,
    ) -> None:
        super().__init__(name)
        self.opening = opening
        self.retry_ms = retry_ms
        self.keepalive = keepalive
        self.client = client
        self.permissions: int | None = None
        self.channels: frozenset[str] = frozenset()
        self.keepalive_frame = comment
        began = began or recent_revocations.Beginning.now()
        self.opened_at = began.at
        # For the registry, which forgets it.
        self.opening_since: recent_revocations.Revocation | None = began.newest
        self.events = 0
        self.ends_at = time.monotonic() + _age()
        self.source = source
        self._task: asyncio.Task[Any] | None = None
        self._last_write = time.monotonic()
        self._ending = ""
        self._is_counted = True
        registry.connection_counts.add(client)

    def __del__(self) -> None:
        # A client may leave before its response began.
        self.uncount()

    async def run(self, send: Send) -> bool:
        """
        Play the source until it is finished or the connection is ended; its `finally` has run then.

        Returns whether the response is complete; if not, the client has left or was given up, and
        nothing more can be sent to it.
        """
        self._send, self._task = send, asyncio.current_task()
        streams = registry.get_registry()
        try:
            streams.add(self)
            metrics.counts["opened"] += 1
            if registry.is_stopping():
                self.end("restart")
            await self._play()
            return await self._complete()
        finally:
            self.leave()
            streams.discard(self)
            self.uncount()

    async def _play(self) -> None:
        self.write(self.opening.encode())
        try:
            await self.drain()
            if not self.is_ended:
                await self.source.play(self)
        except asyncio.CancelledError:
            if not self.is_ended:
                raise
            # The task is the server's own and serves the connection's next request.
            self._task.uncancel()  # type: ignore[union-attr]
        finally:
            self._task = None

    async def _complete(self) -> bool:
        """Send the last bytes; until a client has taken them or was given up, it counts as open."""
        if self._ending:
            self.write(sse_retry(jittered(self.retry_ms)).encode())
        elif not self._is_over:
            self._ending, self.ends_at = "finished", time.monotonic()
        await self.drain()
        if not self._is_over:
            self._write(b"", None, more_body=False)
            await self.drain()
        return not self._is_over

    @property
    def is_ended(self) -> bool:
        """Whether the client has left or was told to come back."""
        return self._is_over or bool(self._ending)

    @property
    def outcome(self) -> str:
        """Why the stream is over: the reason that it was ended for, `left` or `finished`."""
        return self._ending or "left"

    def deliver(self, events: list[Event], data: bytes) -> int:
        """Take events that this connection follows; none after one that was forgotten."""
        if self._is_over or self._ending:
            return 0
        self.events += len(events)
        self._write(data, events[0] if len(events) == 1 else None)
        return len(events)

    def count(self, events: int) -> None:
        """Count events that are written to this client."""
        self.events += events
        metrics.counts["delivered"] += events

    def keep_alive(self, now: float) -> None:
        """Send a sign of life if nothing was sent for long enough; to be called about once a second."""
        if self._has_written:
            # Dated to the call before this one, so that no sign of life is late.
            self._has_written, self._last_write = False, now - registry.TICK_SECONDS
            self._leave_if_closed()
        elif self._flushing is not None:
            if now - self._last_write >= STALL_SECONDS:
                self.drop("slow")
        elif not self.is_ended and now - self._last_write >= self.keepalive - TICK_TOLERANCE_SECONDS:
            self._leave_if_closed()
            self.write(self.keepalive_frame())
            self._has_written, self._last_write = False, now

    def drop(self, reason: str) -> None:
        """End the stream and forget what the client has not taken: it comes back and replays."""
        self._forget_backlog()
        self.end(reason)

    def end(self, reason: str) -> None:
        """Stop the stream and send the client away for a moment. Calling it again does nothing."""
        if not self.is_ended:
            self._ending = reason
            self.ends_at = time.monotonic()
            metrics.hang_ups[reason] += 1
            self._stop()

    def leave(self) -> None:
        """Note that the client has left."""
        if not self._is_over:
            self._is_over = True
            self._forget_backlog()
            if self._flushing is not None:
                self._flushing.cancel()
            self._stop()

    def uncount(self) -> None:
        """Give this connection's seat back, once."""
        if self._is_counted:
            self._is_counted = False
            registry.connection_counts.remove(self.client)

    def force_close(self) -> None:
        """Wait no longer for a client that has stopped reading; of one that reads this changes nothing."""
        if self._ending and self._flushing is not None:
            self.leave()

    async def frames(self) -> AsyncGenerator[bytes]:
        """Run the connection and yield its bytes, for responses that stream the ordinary way."""
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
            self.leave()
            await asyncio.wait({running})

    def _leave_if_closed(self) -> None:
        # uvicorn does not tell of a client that has left if that client had sent its next request, too.
        if transports.is_closed(self._send):
            self.leave()

    def _stop(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()


def comment() -> bytes:
    """Return a sign of life that says nothing else."""
    return KEEPALIVE


def _age() -> float:
    """Return after how many seconds a connection ends by itself."""
    most = setting("SSE_MAX_AGE")
    return most * random.uniform(0.75, 1.25) if most else math.inf


def jittered(milliseconds: int) -> int:
    """Return a delay spread at random over half to one and a half of `milliseconds`."""
    return round(milliseconds * random.uniform(0.5, 1.5))
