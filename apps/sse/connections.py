"""
The open streams of this process.

A connection runs one `stream()` and writes what it yields, whatever carries the bytes: the
server's `send` after the hand-off, or a pipe that an ordinary response reads from.
"""

import asyncio
import contextlib
import logging
import random
import time
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from django.conf import settings

from .events import sse_comment, sse_event, sse_retry
from .listeners import Listeners
from .threads import Use

logger = logging.getLogger("apps.sse")

Write = Callable[[bytes], Awaitable[None]]

KEEPALIVE = sse_comment("keepalive").encode()
END = sse_event({}, event="sse:end").encode()
FAILED = "The stream failed on the server."
SWEEP_SECONDS = 1.0


class Gone(Exception):
    """The client has left."""


class Connection:
    """
    One client that listens to one stream.

    `stream` yields frames as `event()` makes them. `opening` goes out first, `retry_ms` is the
    reconnection delay that a client is told, `keepalive` the seconds of silence after which a
    comment is sent, `user_pk` the signed-in user or None, `name` what the log calls the view.
    """

    def __init__(
        self,
        stream: AsyncGenerator[str],
        *,
        opening: str,
        retry_ms: int,
        keepalive: float,
        user_pk: Any = None,
        name: str = "stream",
    ) -> None:
        self.stream = stream
        self.opening = opening
        self.retry_ms = retry_ms
        self.keepalive = keepalive
        self.user_pk = user_pk
        self.name = name
        self.last_write = 0.0
        self._write: Write | None = None
        self._task: asyncio.Task[None] | None = None
        self._keepalive: asyncio.Future[None] | None = None
        self._writing = False
        self._ended = False

    async def run(self, write: Write) -> None:
        """Write the stream until it is finished, fails or is ended; its `finally` has run then."""
        self._write, self._task, self._ended = write, asyncio.current_task(), self._ended or _stopping
        with _registry().opened(self), contextlib.suppress(Gone):
            try:
                await self.write(self.opening.encode())
                if not self._ended:
                    await self._relay()
            except asyncio.CancelledError:
                if not self._ended:
                    raise
                asyncio.current_task().uncancel()  # type: ignore[union-attr]
            finally:
                # The task is the server's own, and goes on to its next request.
                self._task = None
            if self._ended:
                await self.write(sse_retry(jittered(self.retry_ms)).encode())

    async def _relay(self) -> None:
        try:
            async with Use() as use, contextlib.aclosing(self.stream) as stream:
                async for frame in stream:
                    await self.write(_encode(frame))
                    if self._ended:
                        return
                    await use.give_back()
        except Gone:
            raise
        except Exception as error:
            logger.exception("%s: stream() raised; the client was told to come back.", self.name)
            message = f"{type(error).__name__}: {error}" if settings.DEBUG else FAILED
            await self.write(sse_event({"message": message}, event="sse:error").encode())
        else:
            if not self._ended:
                await self.write(END)

    async def write(self, data: bytes) -> None:
        """Write bytes to the client; raises `Gone` if there is no client any more."""
        self._writing = True
        try:
            await self._write(data)  # type: ignore[misc]
        except OSError as error:
            raise Gone from error
        finally:
            self._writing = False
            self.last_write = time.monotonic()

    def keep_alive(self) -> None:
        """Write a comment, beside whatever `stream()` is waiting for."""
        self._keepalive = asyncio.ensure_future(self._write_keepalive())

    def stop_keepalive(self) -> None:
        """Drop a keepalive that waits for a client that has stopped reading."""
        if self._keepalive is not None:
            self._keepalive.cancel()

    async def _write_keepalive(self) -> None:
        with contextlib.suppress(Gone):
            await self.write(KEEPALIVE)

    def is_silent(self, now: float) -> bool:
        """Say whether a keepalive is due at `now`, in the seconds of `time.monotonic`."""
        return not self._writing and now - self.last_write >= self.keepalive

    def end(self) -> None:
        """Stop the stream: an await inside `stream()` is cancelled. Calling it again does nothing."""
        if self._ended:
            return
        self._ended = True
        if self._task is not None:
            self._task.cancel()

    async def frames(self) -> AsyncGenerator[bytes]:
        """Run the connection and yield its bytes, for responses that stream the ordinary way."""
        pipe: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def write(data: bytes) -> None:
            pipe.put_nowait(data)
            await pipe.join()

        running = asyncio.ensure_future(self.run(write))
        running.add_done_callback(lambda _: pipe.put_nowait(None))
        try:
            while (frame := await pipe.get()) is not None:
                yield frame
                pipe.task_done()
        finally:
            self._write = _discard
            self.end()
            await asyncio.wait({running})


async def _discard(data: bytes) -> None:
    """Take bytes that nobody is there to read."""


def _encode(frame: Any) -> bytes:
    if isinstance(frame, str):
        return frame.encode()
    raise TypeError(f"stream() yielded {frame!r}: yield strings, such as self.event(name, data).")


def jittered(milliseconds: int) -> int:
    """Return a delay spread at random over half to one and a half of `milliseconds`."""
    return round(milliseconds * random.uniform(0.5, 1.5))


class Registry:
    """The open connections of one event loop, and the one timer that keeps them alive."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._listeners = Listeners()

    @contextlib.contextmanager
    def opened(self, connection: Connection):
        """Count a connection for as long as the block runs."""
        self.connections.add(connection)
        self._timer = self._timer or self.loop.call_later(SWEEP_SECONDS, self._sweep)
        try:
            yield
        finally:
            self.connections.discard(connection)
            connection.stop_keepalive()

    def _sweep(self) -> None:
        if self._listeners.closed():
            self._listeners = Listeners()
            self.end_all()
        now = time.monotonic()
        for connection in self.connections:
            if connection.is_silent(now):
                connection.keep_alive()
        self._timer = self.loop.call_later(SWEEP_SECONDS, self._sweep) if self.connections else None

    def end_all(self) -> None:
        """End every stream of this loop."""
        for connection in list(self.connections):
            connection.end()


_registries: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Registry]" = weakref.WeakKeyDictionary()


_stopping = False


def _registry() -> Registry:
    loop = asyncio.get_running_loop()
    if loop not in _registries:
        _registries[loop] = Registry(loop)
    return _registries[loop]


def _all() -> list[Connection]:
    return [c for registry in list(_registries.values()) for c in list(registry.connections)]


def open_streams() -> int:
    """Return how many streams this process has open."""
    return len(_all())


def users() -> set[Any]:
    """Return the primary keys of the signed-in users with an open stream in this process."""
    return {c.user_pk for c in _all() if c.user_pk is not None}


def anonymous() -> int:
    """Return how many of this process's streams nobody is signed in to."""
    return sum(c.user_pk is None for c in _all())


def end_all(*, for_good: bool = False) -> None:
    """
    End every stream of this process; safe to call from any thread and from a signal handler.

    `for_good`: the process is about to stop, so a stream that is opened after this ends at once.
    """
    global _stopping
    _stopping |= for_good
    for registry in list(_registries.values()):
        with contextlib.suppress(RuntimeError):
            registry.loop.call_soon_threadsafe(registry.end_all)
