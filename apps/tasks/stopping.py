"""Whether this process has been told to stop, for work that can be interrupted between two steps."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def told_to_stop() -> Iterator[Callable[[], bool]]:
    """
    Give a function that says whether a signal to stop has come since; whoever listened before hears it, too.

    Python hears signals in the main thread alone: in another one the answer is always no.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told.is_set
        return

    def hear(number, frame):
        told.set()
        if callable(before[number]):
            before[number](number, frame)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, hear)
    try:
        yield told.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
