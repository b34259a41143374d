"""What this process has done, counted as it happens, by bucket."""

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from . import histogram
from .models import bucket_of

KEPT = 100
"""Buckets kept when nobody takes them, as in a management command."""


@dataclass
class Tally:
    """The counts of one bucket. `durations` has a count for each slot of the histogram."""

    requests: int = 0
    errors: int = 0
    queries: int = 0
    durations: Counter[int] = field(default_factory=Counter)


class Counters:
    """Counts for all threads of a process, each in the bucket in which it happened."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tallies: dict[int, Tally] = {}
        self.running = 0

    def count_request(self, seconds: float, status: int) -> None:
        """Count a request that was answered after this many seconds; a status from 500 on is an error."""
        slot = histogram.slot(seconds * 1000)
        with self.lock:
            tally = self._current()
            tally.requests += 1
            tally.errors += status >= 500
            tally.durations[slot] += 1

    def count_query(self) -> None:
        """Count a query sent to a database."""
        with self.lock:
            self._current().queries += 1

    def count_task(self, change: int) -> None:
        """Count a task that begins (1) or ends (-1) to run."""
        with self.lock:
            self.running += change

    def take(self, before: int) -> dict[int, Tally]:
        """Return the tallies of the buckets that start before this moment, and forget them."""
        with self.lock:
            return {bucket: self.tallies.pop(bucket) for bucket in sorted(self.tallies) if bucket < before}

    def _current(self) -> Tally:
        bucket = bucket_of(time.time())
        if bucket not in self.tallies:
            self.tallies[bucket] = Tally()
            if len(self.tallies) > KEPT:
                del self.tallies[min(self.tallies)]
        return self.tallies[bucket]


counters = Counters()

# A fork may happen while another thread holds the lock, and the parent's counts are not the child's.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=counters.__init__)
