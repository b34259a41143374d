"""
Streams under WSGI: one thread each, which waits while the stream runs on the process's own loop.

All streams of a process share one event loop, in a thread of its own, so that `shared`, the
keepalives and the endings work as they do under ASGI.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import wait

from . import endings
from .connection import Connection
from .loops import process_loop

SIGNAL_SECONDS = 0.1


def iterate(connection: Connection) -> Iterator[bytes]:
    """Yield the connection's bytes; closing the iterator ends the stream and waits for its `finally`."""
    endings.watch_signals()
    frames = connection.frames()
    try:
        while (frame := _result(_step(frames))) is not None:
            yield frame
    finally:
        _result(frames.aclose())


async def _step(frames: AsyncGenerator[bytes]) -> bytes | None:
    return await anext(frames, None)


def _result(step) -> bytes | None:
    future = asyncio.run_coroutine_threadsafe(step, process_loop())
    if threading.current_thread() is threading.main_thread():
        # Here signals are handled, but one that the system gave to another thread wakes nobody.
        while not wait([future], SIGNAL_SECONDS).done:
            pass
    return future.result()
