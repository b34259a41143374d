"""What this process has done with events since it started."""

from bisect import bisect_left
from collections import Counter

DELAY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Names: `delivered`, `replays` (clients that came back), `replayed` (events they had missed), `resets`.
counts: Counter[str] = Counter()

# Why streams ended that did not end by themselves.
hang_ups: Counter[str] = Counter()


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
