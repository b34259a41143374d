"""The last minutes of the deployment, kept by each process so that it reads every sample once."""

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable

from .models import Sample
from .points import Point, point
from .ranges import MINUTES

LENGTH = MINUTES.length

WINDOW = 60
"""Seconds over which response times are summed: a few requests make no percentile."""

LATE = 30
"""Seconds that a sample may come late and still be added, as it may when the database was busy."""


class History:
    """The points of the last five minutes, for any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.last = 0
        self.samples: dict[int, dict[int, dict]] = defaultdict(dict)
        self.durations: dict[int, Counter[int]] = defaultdict(Counter)
        self.points: dict[int, Point] = {}

    def until(self, last: int) -> list[Point]:
        """
        Return the points of the five minutes that end with the bucket `last`, oldest first.

        A bucket without samples has no point. It takes one query if the bucket was not asked for
        before, otherwise none.
        """
        with self.lock:
            if last > self.last:
                self._read(last)
                self.last = last
            return [self.points[time] for time in sorted(self.points) if last - LENGTH < time <= last]

    def _read(self, last: int) -> None:
        oldest = last - LENGTH - WINDOW
        unknown = list(self._unknown(max(oldest, self.last - LATE), last))
        for sample in unknown:
            self._add(sample)
        for kept in (self.samples, self.durations, self.points):
            for bucket in [bucket for bucket in kept if bucket <= oldest]:
                del kept[bucket]
        for bucket, durations in self._trailing(min((sample["bucket"] for sample in unknown), default=last)):
            self.points[bucket] = point(bucket, self.samples[bucket].values(), durations)

    def _unknown(self, since: int, last: int) -> Iterable[dict]:
        known = [pk for bucket, samples in self.samples.items() if bucket > since for pk in samples]
        return Sample.objects.filter(bucket__gt=since, bucket__lte=last).exclude(pk__in=known).values()

    def _add(self, sample: dict) -> None:
        bucket = sample["bucket"]
        self.samples[bucket][sample["id"]] = sample
        for slot, count in sample.pop("durations").items():
            self.durations[bucket][int(slot)] += count

    def _trailing(self, first: int) -> Iterable[tuple[int, Counter[int]]]:
        """Yield each bucket from `first` on, with the response times of the minute that ends with it."""
        window: deque[int] = deque()
        total: Counter[int] = Counter()
        for bucket in sorted(bucket for bucket in self.samples if bucket > first - WINDOW):
            window.append(bucket)
            total.update(self.durations[bucket])
            while window[0] <= bucket - WINDOW:
                total.subtract(self.durations[window.popleft()])
            if bucket >= first:
                yield bucket, total
