"""What this process has done with events since it started."""

import threading
from bisect import bisect_left
from collections import Counter
from functools import partial

from django.db import transaction

DELAY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Names: `opened` (streams), `published` (events, here), `read` (events that anybody has published),
# `delivered` (events that were written to a client, once for each client),
# `replays` (clients that came back), `replayed` (events they had missed), `resets`.
counts: Counter[str] = Counter()

# Why streams ended that did not end by themselves.
hang_ups: Counter[str] = Counter()

_lock = threading.Lock()


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


class Histogram:
    """How many values there were up to each bound, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.sum += value


# Seconds from `publish()` until the bytes were given to the last client of this process.
delay = Histogram(DELAY_SECONDS)
