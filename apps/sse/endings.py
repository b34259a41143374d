"""
Ending every stream when the process is told to stop.

Servers wait for open responses before they stop, and never tell the application; so the
signal itself is watched, and then given to whoever handled it before.
"""

import os
import signal
import threading
from types import FrameType

from . import connections

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_watched: dict[int, object] = {}


def watch_signals() -> None:
    """End all streams on SIGTERM and SIGINT; does nothing when called again or off the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        current = signal.getsignal(number)
        if current is not _end_streams and current is not None:
            _watched[number] = current
            signal.signal(number, _end_streams)


def _end_streams(number: int, frame: FrameType | None) -> None:
    connections.end_all()
    earlier = _watched[number]
    if callable(earlier):
        earlier(number, frame)
    elif earlier == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
