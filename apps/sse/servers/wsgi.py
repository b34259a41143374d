"""
Streams under WSGI: each holds a server's thread, which waits while the stream runs on the process's event loop.

All streams of a process share one event loop in one thread, so that `shared`, keepalives and revocations
work as under ASGI.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import wait

from . import shutdown

SIGNAL_SECONDS = 0.1

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


class Body:
    def __init__(self, frames: AsyncGenerator[bytes]) -> None:
        shutdown.watch_signals()
        shutdown.open_bodies.add(self)
        self._frames = frames

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> bytes:
        frame = _result(_step(self._frames))
        if frame is None:
            raise StopIteration
        return frame

    def close(self) -> None:
        """End the stream and wait for its `finally`; the server calls this when it has written all or gives up."""
        _result(self._frames.aclose())
        shutdown.open_bodies.discard(self)


async def _step(frames: AsyncGenerator[bytes]) -> bytes | None:
    return await anext(frames, None)


def _result(step) -> bytes | None:
    future = asyncio.run_coroutine_threadsafe(step, process_loop())
    if threading.current_thread() is threading.main_thread():
        # Python handles signals in this thread, but a signal that another thread received does not wake it.
        while not wait([future], SIGNAL_SECONDS).done:
            pass
    return future.result()


def process_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of this process, and start it if needed. A forked process has its own."""
    with _lock:
        if os.getpid() not in _loops:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="sse", daemon=True).start()
            atexit.register(shutdown.end_streams_at_exit)
        return _loops[os.getpid()]
