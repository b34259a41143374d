"""
Ends every stream, and deletes the process's row, when the process stops.

Servers wait for open responses before they stop, or cut them off, without notice to the application.
Therefore a signal to stop ends the streams first, and is then passed on to the server's handler.
"""

import os
import signal
import threading
import time
from types import FrameType
from typing import Any
from weakref import WeakSet

from ..stats import processes
from ..stream import registry

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGQUIT") if hasattr(signal, name)]
GRACE_SECONDS = 1.0
FLUSH_SECONDS = 0.1

# The bodies that a WSGI server has not closed: it may still be writing their last bytes.
open_bodies: WeakSet[object] = WeakSet()

_server_handlers: dict[int, object] = {}
_received: set[int] = set()


def watch_signals(**_: Any) -> None:
    """Install handlers of the stop signals, which call the present handlers afterwards; main thread only."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        current = signal.getsignal(number)
        if current not in (_on_signal, signal.SIG_IGN, None):
            _server_handlers[number] = current
            signal.signal(number, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if number not in _received and (_has_streams() or processes.is_running()):
        _received.add(number)
        registry.end_all(stopping=True)
        threading.Thread(target=_finish_and_send_again, args=(number,), daemon=True).start()
        return
    handler = _server_handlers[number]
    if callable(handler):
        handler(number, frame)
    elif handler == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def end_streams_at_exit() -> None:
    """End all streams and wait for them, in a process that exits without a signal."""
    registry.end_all(stopping=True)
    _wait_for_streams()


def _has_streams() -> bool:
    return bool(registry.open_streams() or open_bodies)


def _finish_and_send_again(number: int) -> None:
    if _has_streams():
        _wait_for_streams()
    processes.stop()
    os.kill(os.getpid(), number)


def _wait_for_streams() -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    while _has_streams() and time.monotonic() < deadline:
        time.sleep(0.01)
    registry.force_close_all()
    # The server may still be sending the last bytes of a stream.
    time.sleep(FLUSH_SECONDS)
