"""
Ending every stream, and deleting the process's row, when the process is told to stop.

Servers wait for open responses before they stop, or cut them off, and never tell the
application. So the signal itself is watched: the streams are ended first, and then the
earlier handler gets it.
"""

import os
import signal
import threading
import time
from types import FrameType
from weakref import WeakSet

from ..stats import processes
from ..stream import registry

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGQUIT") if hasattr(signal, name)]
GRACE_SECONDS = 1.0
FLUSH_SECONDS = 0.1

# The bodies of streams that a WSGI server has not closed yet: it may still be writing what it took last.
unclosed: WeakSet[object] = WeakSet()

_earlier: dict[int, object] = {}
_seen: set[int] = set()


def watch_signals() -> None:
    """Prepare the end on a signal to stop; does nothing when called again or off the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        current = signal.getsignal(number)
        if current not in (_prepare_end, signal.SIG_IGN, None):
            _earlier[number] = current
            signal.signal(number, _prepare_end)


def _prepare_end(number: int, frame: FrameType | None) -> None:
    if number not in _seen and (_are_open() or processes.is_running()):
        _seen.add(number)
        registry.end_all(for_good=True)
        threading.Thread(target=_send_again_when_prepared, args=(number,), daemon=True).start()
        return
    earlier = _earlier[number]
    if callable(earlier):
        earlier(number, frame)
    elif earlier == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def end_streams_at_exit() -> None:
    """End all streams and wait for them: for a process that leaves without a signal of its own."""
    registry.end_all(for_good=True)
    _wait_for_streams()


def _are_open() -> bool:
    return bool(registry.open_streams() or unclosed)


def _send_again_when_prepared(number: int) -> None:
    if _are_open():
        _wait_for_streams()
    processes.stop()
    os.kill(os.getpid(), number)


def _wait_for_streams() -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    while _are_open() and time.monotonic() < deadline:
        time.sleep(0.01)
    registry.force_close_all()
    # The last bytes of a stream are still on their way through the server.
    time.sleep(FLUSH_SECONDS)
