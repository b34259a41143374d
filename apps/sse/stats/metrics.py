"""What this process has done since it started, and what it has at the moment; `processes` writes it to a row."""

import os
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import transaction

# Seconds from `publish()` until the bytes were given to the last client of this process.
DELIVERY_DELAY = "delivery_delay_seconds"
DELAY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """The number of values up to each of some bounds, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.clear()

    def clear(self) -> None:
        """Forget all values."""
        self.buckets = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value, from any thread."""
        with _lock:
            self.buckets[bisect_left(self.bounds, value)] += 1
            self.sum += value


_lock = threading.Lock()
began = time.monotonic()

# Every name that is counted is in the rows and on Prometheus' page; `exposition.COUNTERS` has the library's own.
counts: Counter[str] = Counter()
# Streams that the server ended, by reason.
hang_ups: Counter[str] = Counter()
# Called for each row, in a thread of its own.
gauges: dict[str, Callable[[], float]] = {}
# Further parts of the row, such as `streams`, called in the same way.
sections: dict[str, Callable[[], Any]] = {}
delay = Histogram(DELAY_SECONDS)
histograms: dict[str, Histogram] = {DELIVERY_DELAY: delay}


def count(name: str) -> None:
    """Add one to a count, from any thread; what only happens on the event loop needs no lock."""
    with _lock:
        counts[name] += 1


def count_after_commit(name: str) -> None:
    """Do the same once what the caller has written so far is certain: at its commit, or now."""
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(partial(count, name))
    else:
        count(name)


def _begin_again() -> None:
    """Start from nothing in a forked process; another thread of its parent may have held the lock."""
    global _lock, began
    _lock, began = threading.Lock(), time.monotonic()
    counts.clear()
    hang_ups.clear()
    for histogram in histograms.values():
        histogram.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
