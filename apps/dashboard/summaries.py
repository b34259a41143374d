"""The points of the longer ranges: one process writes each of them once, all others read it."""

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from statistics import fmean

from django.db.models import Max

from .models import BUCKET, Sample, Summary
from .points import Point, percentiles, point
from .ranges import HOUR, SUMMARISED, Range


def write(now: int, process: str, since: int) -> None:
    """
    Write the summaries that are missing between the unix seconds `since` and `now`, if they are due.

    They are due one bucket after their end, when all processes have written their samples. Of these
    processes the one whose name comes first writes for all.
    """
    if (now - BUCKET) % HOUR.step == 0 and process == _first_of(now - 2 * BUCKET):
        for span in SUMMARISED:
            Summary.objects.bulk_create(_missing(span.step, since, now), ignore_conflicts=True)


def _first_of(bucket: int) -> str | None:
    return Sample.objects.filter(bucket=bucket).order_by("process").values_list("process", flat=True).first()


def _missing(step: int, since: int, now: int) -> list[Summary]:
    # Later ones are of a clock that was ahead.
    newest = Summary.objects.filter(step=step, bucket__lt=now).aggregate(newest=Max("bucket"))["newest"] or 0
    found = []
    for bucket in range(max(newest, since // step * step) + step, now // step * step, step):
        samples = Sample.objects.filter(bucket__gte=bucket, bucket__lt=bucket + step).values()
        if samples:
            found.append(Summary(step=step, bucket=bucket, point=summarise(bucket, samples)))
    return found


def summarise(bucket: int, samples: Collection[Mapping]) -> Point:
    """Return the means of some samples; percentiles are of the response times of all their requests."""
    by_bucket = defaultdict(list)
    durations: Counter[int] = Counter()
    for sample in samples:
        by_bucket[sample["bucket"]].append(sample)
        durations.update({int(slot): count for slot, count in sample["durations"].items()})
    points = [point(each, some, Counter()) for each, some in by_bucket.items()]
    return {name: _mean(points, name) for name in points[0]} | percentiles(durations) | {"time": bucket}


def _mean(points: Collection[Point], name: str) -> float | None:
    known = [value for each in points if (value := each[name]) is not None]
    return round(fmean(known), 2) if known else None


class Summaries:
    """The points of one range, kept by each process so that it reads every summary once."""

    def __init__(self, span: Range) -> None:
        self.span = span
        self.lock = threading.Lock()
        self.end = 0
        self.points: dict[int, Point] = {}

    def until(self, last: int) -> list[Point]:
        """
        Return the points known when the bucket `last` was written, oldest first.

        It takes one query if a summary has become due since the last call, otherwise none.
        """
        end = (last - BUCKET) // self.span.step * self.span.step
        with self.lock:
            if end > self.end:
                self._read(end)
                self.end = end
            return [self.points[time] for time in sorted(self.points)]

    def _read(self, end: int) -> None:
        oldest = end - self.span.length
        newest = max(oldest - 1, 0, *self.points)
        unread = Summary.objects.filter(step=self.span.step, bucket__gt=newest, bucket__lt=end)
        kept = {time: each for time, each in self.points.items() if time >= oldest}
        self.points = kept | dict(unread.values_list("bucket", "point"))
