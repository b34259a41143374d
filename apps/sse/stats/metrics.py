"""The counters, gauges and histograms of this process, which `processes` writes to the database."""

import re
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

from django.db import transaction

CONTAINER = Path("/sys/fs/cgroup")
# Seconds from `publish()` until the event was written to the last client of this process.
DELIVERY_DELAY = "delivery_delay_seconds"
DELAY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

type EndReason = Literal[
    "restart",  # the process stops, or its worker is replaced
    "age",  # SSE_MAX_AGE
    "access",  # the access of the user or the session has changed
    "staff",  # ended in the admin
    "slow",  # the client, or `stream()`, does not keep up with its events
    "broker",  # the log cannot be read
    "gap",  # the log was replaced
    "failed",  # an exception
    "closed",  # the hub was closed
    "finished",  # `stream()` has returned
]


class Histogram:
    """The number of values in each bucket, by the buckets' upper bounds, and the sum of the values."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.clear()

    def clear(self) -> None:
        self.buckets = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value, from any thread."""
        with _lock:
            self.buckets[bisect_left(self.bounds, value)] += 1
            self.sum += value


_lock = threading.Lock()
began = time.monotonic()

# Each name appears in the process's row and on `/metrics/`. `prometheus.COUNTERS` has the library's help texts.
counts: Counter[str] = Counter()
# Streams that the server ended, by reason.
hang_ups: Counter[EndReason] = Counter()
# Called in the thread that writes the row.
gauges: dict[str, Callable[[], float]] = {}
# Further parts of the row, such as `streams`; called in that thread, too.
sections: dict[str, Callable[[], Any]] = {}
delay = Histogram(DELAY_SECONDS)
histograms: dict[str, Histogram] = {DELIVERY_DELAY: delay}


def count(name: str) -> None:
    """Add one to a counter, from any thread. Code that runs only on the event loop adds to `counts` directly."""
    with _lock:
        counts[name] += 1


def count_after_commit(name: str) -> None:
    """Add one to a counter when the current transaction commits, or now if there is none."""
    database = transaction.get_connection()
    if database.in_atomic_block:
        database.on_commit(partial(count, name))
    else:
        count(name)


def memory_share() -> float:
    """Return which share of the container's memory, or else of the machine's, is in use; 0 if it is unknown."""
    with suppress(OSError, ValueError):  # Without a limit the file contains "max", or there is none.
        limit, used = (int((CONTAINER / f"memory.{name}").read_text()) for name in ("max", "current"))
        [cached] = re.findall(r"\binactive_file (\d+)", (CONTAINER / "memory.stat").read_text())
        return (used - int(cached)) / limit
    with suppress(OSError, ValueError):
        machine = Path("/proc/meminfo").read_text()
        total, available = map(int, re.findall(r"Mem(?:Total|Available): +(\d+)", machine))
        return 1 - available / total
    return 0


def report() -> dict[str, Any]:
    """Return the content of this process's row, which is JSON. `seconds` is the time since the counts began."""
    return {
        "seconds": time.monotonic() - began,
        "counts": {**counts, "cpu_seconds": time.process_time()},
        "hang_ups": dict(hang_ups),
        "gauges": {name: value() for name, value in gauges.items()},
        "histograms": {name: vars(histogram) for name, histogram in histograms.items()},
        **{name: value() for name, value in sections.items()},
    }


def reset() -> None:
    """Start at zero in a forked process, with a new lock: a thread of the parent may have held the old one."""
    global _lock, began
    _lock, began = threading.Lock(), time.monotonic()
    counts.clear()
    hang_ups.clear()
    for histogram in histograms.values():
        histogram.clear()
