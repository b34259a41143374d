"""One process stores the figures of all processes every three seconds, and their means over longer times."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from statistics import fmean
from typing import Any

from django.apps import apps

from .charts import CHARTS
from .counting import RESPONSES, quantile
from .models import BUCKET, DAY, HOUR, MINUTES, RANGES, Point, Range, Summary

WINDOW = 60
"""Seconds of response times in each percentile, since three seconds may hold too few requests."""

FIGURES = [series.name for chart in CHARTS for series in chart.series]
EMPTY: dict[str, Any] = {"counts": {}, "histograms": {}}


class Recorder:
    """Stores points. It keeps the previous rows, and the time up to which each range is summarised."""

    def __init__(self) -> None:
        self.bucket = 0
        self.recorded_at = 0.0
        self.previous: dict[int, dict] | None = None
        self.summarised: dict[Range, int] = {}

    def record(self, rows: Collection[Any]) -> None:
        """Store the point of the bucket that has just ended, and the summaries that are due."""
        bucket = int(time.time() // BUCKET - 1) * BUCKET
        if bucket == self.bucket:
            return
        seconds = BUCKET * max(1, round((time.monotonic() - self.recorded_at) / BUCKET))
        previous, self.previous = self.previous, {row.pk: row.data for row in rows}
        self.bucket, self.recorded_at = bucket, time.monotonic()
        if previous is not None:
            counts, durations = increase(rows, previous, seconds)
            self._store(bucket, rows, {name: count / seconds for name, count in counts.items()}, durations)
        for span in (HOUR, DAY):
            self._summarise(span, (bucket + BUCKET) // span.step * span.step)

    def _store(self, bucket: int, rows: Collection[Any], rates: Mapping[str, float], durations: Counter) -> None:
        minute = Summary.objects.filter(step=BUCKET, bucket__gt=bucket - WINDOW, bucket__lt=bucket)
        now = {"time": bucket, **point(rows, rates), **percentiles([durations, *_durations(minute)])}
        _write(MINUTES, now, durations)

    def _summarise(self, span: Range, end: int) -> None:
        """Store the mean of the `step` seconds before `end` if that is due, and delete what no page shows."""
        if self.summarised.get(span) == end:
            return
        self.summarised[span] = end
        within = Summary.objects.filter(step=BUCKET, bucket__gte=end - span.step, bucket__lt=end)
        if points := list(within.values_list("point", flat=True)):
            found = _durations(within)
            _write(span, mean(points) | percentiles(found) | {"time": end - span.step})
        for each in RANGES.values() if span == HOUR else ():
            kept = max(each.length, DAY.step + BUCKET)
            Summary.objects.filter(step=each.step, bucket__lt=end - kept).delete()


def increase(rows: Iterable[Any], previous: Mapping[int, dict], seconds: float) -> tuple[Counter, Counter]:
    """Return by how much the counts and the histogram of response times have grown since the previous rows."""
    counts: Counter[str] = Counter()
    durations: Counter[int] = Counter()
    for row in rows:
        # An older process without a previous row was hanging: its counts are from before.
        is_new = row.data["seconds"] <= seconds + BUCKET
        earlier = previous.get(row.pk, EMPTY if is_new else row.data)
        counts.update(row.data["counts"])
        counts.subtract(earlier["counts"])
        durations.update(_buckets(row.data))
        durations.subtract(_buckets(earlier))
    return counts, +durations


def point(rows: Collection[Any], rates: Mapping[str, float]) -> Point:
    """
    Return the figures of all processes, None for unknown ones.

    Rates are per second, gauges are summed. CPU is in percent of one core, memory in bytes.
    """
    gauges: Counter[str] = Counter()
    for row in rows:
        gauges.update(row.data["gauges"])
    streams = [row.data["streams"] for row in rows]
    signed_in = sum(each["signed_in"] for each in streams)
    known = {
        **gauges,
        "streams": gauges["connections"],
        "users": distinct_users(streams),
        "anonymous": gauges["connections"] - signed_in,
        "cpu": round(100 * rates.get("cpu_seconds", 0), 1),
        "queued": tasks_waiting(),
    }
    kinds = Counter(row.kind for row in rows)
    figures = {name: known[name] if name in known else round(rates.get(name, 0), 2) for name in FIGURES}
    return figures | {"web": kinds["web"], "workers": kinds["worker"]}


def distinct_users(streams: Iterable[Mapping]) -> int:
    """Return the number of users with streams. A user that a row counts but does not list counts once per row."""
    users, unlisted = set(), 0
    for each in streams:
        listed = {pk for numbers in each["users"].values() for pk in numbers}
        users |= listed
        unlisted += each["online"] - len(listed)
    return len(users) + unlisted


def tasks_waiting() -> int | None:
    """Return the number of tasks that could start now; None if they are not stored in the database."""
    if not apps.is_installed("django_tasks_db"):
        return None
    from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet

    return DBTaskResultQuerySet(DBTaskResult).ready().count()


def mean(points: Iterable[Point]) -> Point:
    """Return the mean of each figure, without its unknown values."""
    known: dict[str, list[float]] = {}
    for each in points:
        for name, value in each.items():
            known.setdefault(name, []).extend([] if value is None else [value])
    return {name: round(fmean(values), 2) if values else None for name, values in known.items()}


def percentiles(histograms: Iterable[Mapping[int, int]]) -> Point:
    """Return the median and the 95th percentile of all response times, in milliseconds."""
    durations: Counter[int] = Counter()
    for each in histograms:
        durations.update(each)
    return {"median": quantile(durations, 0.5), "p95": quantile(durations, 0.95)}


def _buckets(data: Mapping) -> dict[int, int]:
    return dict(enumerate(data["histograms"].get(RESPONSES, {}).get("buckets", ())))


def _durations(summaries) -> list[dict[int, int]]:
    found = summaries.filter(durations__isnull=False).values_list("durations", flat=True)
    return [{int(bucket): count for bucket, count in each.items()} for each in found]


def _write(span: Range, now: Point, durations: Mapping[int, int] | None = None) -> None:
    # After the clock was set back, this point may exist.
    row = Summary(step=span.step, bucket=now["time"], point=now, durations=durations)
    Summary.objects.bulk_create([row], ignore_conflicts=True)


recorder = Recorder()


def record(rows: Collection[Any], **_: Any) -> None:
    """Record the rows of all processes that are running."""
    recorder.record(rows)
