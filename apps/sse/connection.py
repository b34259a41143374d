"""
One client: where its bytes go, and until when.

A connection plays a source (what `stream()` yields, or the events of channels) to whatever
carries its bytes: the server's `send` after the hand-off, or a pipe that an ordinary response
reads from.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Protocol

from . import connections, metrics, revocations
from .conf import setting
from .connections import Client
from .events import Event, sse_comment, sse_retry
from .resumed import Resumed

Send = Callable[[dict[str, Any]], Awaitable[None]]

KEEPALIVE = sse_comment("keepalive").encode()
BACKLOG_BYTES = 256 * 1024
BACKLOG_WRITES = 1000

logger = logging.getLogger("apps.sse")


class Source(Protocol):
    """What a connection plays; `has_positions`: it tells the client the position at which it begins."""

    has_positions: bool

    async def play(self, connection: "Connection") -> None:
        """Write to the connection until there is no more; cancelled when the connection ends."""


class Connection:
    """
    One open stream.

    `opening` goes out first, `retry_ms` is the reconnection delay that a client is told, `keepalive`
    the seconds of silence after which a comment is sent, `name` what the log calls the view,
    `began` when its request did.

    Writing never waits. While the client's socket is full, what is written is kept in a bounded
    backlog; a client for whom that gets too much is hung up, and replays when it returns.
    """

    __slots__ = (
        "__weakref__",
        "_backlog",
        "_ending",
        "_flushing",
        "_has_seat",
        "_has_written",
        "_is_over",
        "_last_write",
        "_send",
        "_task",
        "backlog_bytes",
        "channels",
        "client",
        "ends_at",
        "events",
        "keepalive",
        "latest",
        "name",
        "opened_at",
        "opening",
        "opening_since",
        "permissions",
        "pulse",
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
        began: revocations.Beginning | None = None,
    ) -> None:
        self.opening = opening
        self.retry_ms = retry_ms
        self.keepalive = keepalive
        self.client = client
        self.permissions: int | None = None
        self.name = name
        self.channels: frozenset[str] = frozenset()
        self.latest = False
        self.pulse = comment
        began = began or revocations.Beginning.now()
        self.opened_at = began.at
        # For the registry, which forgets it.
        self.opening_since: revocations.Revocation | None = began.newest
        self.events = 0
        self.ends_at = time.monotonic() + _age()
        self.source = source
        self._send: Send = _refuse
        self._task: asyncio.Task[Any] | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._backlog: dict[Any, bytes] = {}
        self.backlog_bytes = 0
        self._last_write = 0.0
        self._has_written = False
        self._ending = ""
        self._is_over = False
        self._has_seat = True
        connections.seats.take(client)

    def __del__(self) -> None:
        # A client may leave before its response began.
        self._leave_seat()

    async def run(self, send: Send) -> None:
        """Play the source until it is finished or the connection is ended; its `finally` has run then."""
        self._send, self._task = send, asyncio.current_task()
        registry = connections.registry()
        registry.add(self)
        metrics.counts["opened"] += 1
        if connections.is_stopping():
            self.end("restart")
        try:
            await self._play()
            if self._ending:
                self.write(sse_retry(jittered(self.retry_ms)).encode())
            # Counted among the open ones until a client that has stopped reading has gone, too.
            await self.room()
        finally:
            registry.discard(self)
            self._leave_seat()

    async def _play(self) -> None:
        self.write(self.opening.encode())
        try:
            await self.room()
            if not self.is_ended:
                await self.source.play(self)
        except asyncio.CancelledError:
            if not self.is_ended:
                raise
            # The task is the server's own, and goes on to its next request.
            self._task.uncancel()  # type: ignore[union-attr]
        finally:
            self._task = None

    @property
    def is_ended(self) -> bool:
        """Whether the client has left or was told to come back."""
        return self._is_over or bool(self._ending)

    @property
    def outcome(self) -> str:
        """Why the stream is over: the reason that it was ended for, `left` or `finished`."""
        return self._ending or ("left" if self._is_over else "finished")

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until there is room."""
        if not self._is_over:
            self._write(data, None)

    async def room(self) -> None:
        """Wait until everything that was written is on its way."""
        if self._flushing is not None:
            await asyncio.wait({self._flushing})

    def deliver(self, events: list[Event], data: bytes) -> int:
        """Take the events of a channel that this connection follows; none after one that was forgotten."""
        if self._is_over or self._ending:
            return 0
        self.events += len(events)
        self._write(data, events[0])
        return len(events)

    def count(self, events: int) -> None:
        """Count events that are written to this client."""
        self.events += events
        metrics.counts["delivered"] += events

    def keep_alive(self, now: float) -> None:
        """Send a sign of life if nothing was sent for long enough; to be called about once a second."""
        if self._has_written:
            # That was since the last call: taken as soon after it, so that no sign of life is late.
            self._has_written, self._last_write = False, now - connections.SWEEP_SECONDS
        elif not self.is_ended and self._flushing is None and now - self._last_write >= self.keepalive:
            self.write(self.pulse())

    def hang_up(self, reason: str) -> None:
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

    def abandon(self) -> None:
        """Wait no longer for a client that has stopped reading; of one that reads this changes nothing."""
        if self._ending and self._flushing is not None:
            self.leave()

    async def frames(self) -> AsyncGenerator[bytes]:
        """Run the connection and yield its bytes, for responses that stream the ordinary way."""
        pipe: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def send(message: dict[str, Any]) -> None:
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

    def _stop(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def _leave_seat(self) -> None:
        if self._has_seat:
            self._has_seat = False
            connections.seats.leave(self.client)

    def _write(self, data: bytes, event: Event | None) -> None:
        if self._flushing is not None:
            self._keep(data, event)
            return
        # Stepped by hand: it is done at once, unless the socket is full.
        sending = self._send(_body(data)).__await__()
        try:
            blocked_by = next(sending)
        except StopIteration:
            self._has_written = True
        except OSError:
            self.leave()
        else:
            flush = self._flush(Resumed(sending, blocked_by))
            self._flushing = asyncio.get_running_loop().create_task(flush)

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
            self.hang_up("slow")

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self.backlog_bytes = 0

    async def _flush(self, sending: Awaitable[None]) -> None:
        try:
            await sending
            while self._backlog:
                kept = b"".join(self._backlog.values())
                self._forget_backlog()
                await self._send(_body(kept))
        except OSError:
            self.leave()
        except Exception:
            logger.exception("%s: a client could not be sent what it was to get, and has to come back.", self.name)
            self.hang_up("failed")
        finally:
            self._flushing = None
            self._has_written = True


def comment() -> bytes:
    """Return a sign of life that says nothing else."""
    return KEEPALIVE


async def _refuse(message: dict[str, Any]) -> None:
    raise RuntimeError("This connection does not run.")


def _body(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}


def _age() -> float:
    """Return after how many seconds a connection ends by itself."""
    most = setting("SSE_MAX_AGE")
    return most * random.uniform(0.75, 1.25) if most else math.inf


def jittered(milliseconds: int) -> int:
    """Return a delay spread at random over half to one and a half of `milliseconds`."""
    return round(milliseconds * random.uniform(0.5, 1.5))
