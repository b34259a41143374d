"""
Streams under WSGI: one thread each, which waits while the stream runs on the process's own loop.

All streams of a process share one event loop, in a thread of its own, so that `shared`, the
keepalives and the endings work as they do under ASGI.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import wait

from ..stream.connection import Connection
from . import shutdown

SIGNAL_SECONDS = 0.1

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


class Body:
    """The connection's bytes, as a server takes them one after the other."""

    def __init__(self, connection: Connection) -> None:
        shutdown.watch_signals()
        shutdown.unclosed.add(self)
        self._frames = connection.frames()

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> bytes:
        frame = _result(_step(self._frames))
        if frame is None:
            raise StopIteration
        return frame

    def close(self) -> None:
        """End the stream and wait for its `finally`; called when the server has written all, or gives up."""
        _result(self._frames.aclose())
        shutdown.unclosed.discard(self)


async def _step(frames: AsyncGenerator[bytes]) -> bytes | None:
    return await anext(frames, None)


def _result(step) -> bytes | None:
    future = asyncio.run_coroutine_threadsafe(step, process_loop())
    if threading.current_thread() is threading.main_thread():
        # Here signals are handled, but one that the system gave to another thread wakes nobody.
        while not wait([future], SIGNAL_SECONDS).done:
            pass
    return future.result()


def process_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of this process, which runs from now on; a forked process has another."""
    with _lock:
        if os.getpid() not in _loops:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="sse", daemon=True).start()
            atexit.register(shutdown.end_streams_at_exit)
        return _loops[os.getpid()]
