"""
Streams under WSGI: one thread each, which waits while the stream runs on the process's own loop.

All streams of a process share one event loop, in a thread of its own, so that `shared`, the
keepalives and the endings work as they do under ASGI.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future

from . import endings
from .connections import Connection

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def iterate(connection: Connection) -> Iterator[bytes]:
    """Yield the connection's bytes; closing the iterator ends the stream and waits for its `finally`."""
    endings.watch_signals()
    frames = connection.frames()
    try:
        while (frame := _submit(_step(frames)).result()) is not None:
            yield frame
    finally:
        _submit(frames.aclose()).result()


async def _step(frames: AsyncGenerator[bytes]) -> bytes | None:
    return await anext(frames, None)


def _submit(step) -> "Future[bytes | None]":
    return asyncio.run_coroutine_threadsafe(step, _process_loop())


def _process_loop() -> asyncio.AbstractEventLoop:
    with _lock:
        if os.getpid() not in _loops:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="sse", daemon=True).start()
            atexit.register(endings.end_streams_at_exit)
        return _loops[os.getpid()]
