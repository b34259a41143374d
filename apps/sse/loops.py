"""The event loop of a process whose server has none: one, in a thread of its own, started when it is needed."""

import asyncio
import atexit
import os
import threading

from . import endings

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def process_loop() -> asyncio.AbstractEventLoop:
    """Return the loop, which runs from now on; a forked process has another."""
    with _lock:
        if os.getpid() not in _loops:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="sse", daemon=True).start()
            atexit.register(endings.end_streams_at_exit)
        return _loops[os.getpid()]
