"""The figures of the whole deployment, read from the samples of all its processes."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterable
from functools import lru_cache
from itertools import groupby

from asgiref.sync import sync_to_async

from apps.sse import shared

from .histogram import quantile
from .models import BUCKET, Sample, bucket_of

HISTORY = 300
"""Seconds that the page shows."""

WINDOW = 60
"""Seconds over which response times are summed: a few requests make no percentile."""

GRACE = 1
"""Seconds that processes have to write their samples after the end of a bucket."""

type Point = dict[str, float | int | None]


@shared
async def latest() -> AsyncGenerator[Point]:
    """Yield the newest point, then each new one, shortly after the end of its bucket."""
    told = 0
    while True:
        last = newest()
        points = await read(last)
        if points and points[-1]["time"] > told:
            told = points[-1]["time"]
            yield points[-1]
        # Timers may fire a little early: what counts is that the next bucket is there.
        while newest() == last:
            await asyncio.sleep(last + 2 * BUCKET + GRACE - time.time())


async def missed(seen: int) -> list[Point]:
    """Return the points after the one at the time `seen`, at most those of the history; none after 0."""
    return [point for point in await read(newest()) if point["time"] > seen] if seen else []


def known(last_event_id: str | None) -> int:
    """Return the time of the last point a client has seen, 0 if none; it cannot have seen the future."""
    seen = int(last_event_id or 0)
    return seen if seen <= newest() else 0


def newest() -> int:
    """Return the last bucket that all processes have had the time to write."""
    return bucket_of(time.time() - GRACE) - BUCKET


@lru_cache(maxsize=1)
def history(last: int) -> list[Point]:
    """
    Return the points of the five minutes that end with the bucket `last`, oldest first.

    A bucket without samples has no point. However many ask, a process reads each bucket once.
    """
    samples = Sample.objects.filter(bucket__gt=last - HISTORY - WINDOW, bucket__lte=last)
    return [point for point in points(samples.order_by("bucket").values()) if point["time"] > last - HISTORY]


read = sync_to_async(history)


def points(samples: Iterable[dict]) -> Iterable[Point]:
    """Yield one point for each bucket that has samples, which are ordered by bucket."""
    window: deque[tuple[int, Counter]] = deque()
    durations: Counter[int] = Counter()
    for bucket, group in groupby(samples, key=lambda sample: sample["bucket"]):
        rows = list(group)
        window.append((bucket, merged(row["durations"] for row in rows)))
        durations.update(window[-1][1])
        while window[0][0] <= bucket - WINDOW:
            durations.subtract(window.popleft()[1])
        yield point(bucket, rows, durations)


def merged(histograms: Iterable[dict[str, int]]) -> Counter[int]:
    """Return the sum of histograms as they are stored, where JSON has made strings of the slots."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        for slot, count in histogram.items():
            total[int(slot)] += count
    return total


def point(bucket: int, rows: list[dict], durations: Counter[int]) -> Point:
    """
    Return the figures of one bucket; None stands for what is not known.

    Rates are per second, response times in milliseconds and of the minute that ends with the
    bucket, CPU in percent of one core, memory in bytes.
    """

    def total(name: str) -> float:
        return sum(row[name] for row in rows)

    return {
        "time": bucket,
        "requests": round(total("requests") / BUCKET, 2),
        "median": rounded(quantile(durations, 0.5)),
        "p95": rounded(quantile(durations, 0.95)),
        "users": len({pk for row in rows for pk in row["users"]}),
        "anonymous": total("anonymous"),
        "streams": total("streams"),
        "queries": round(total("queries") / BUCKET, 2),
        "cpu": round(100 * total("cpu") / BUCKET, 1),
        "memory": total("memory"),
        "running": total("running"),
        "queued": max((row["queued"] for row in rows if row["queued"] is not None), default=None),
        "web": sum(row["kind"] == Sample.Kind.WEB for row in rows),
        "workers": sum(row["kind"] == Sample.Kind.WORKER for row in rows),
    }


def rounded(milliseconds: float | None) -> float | None:
    return milliseconds if milliseconds is None else float(f"{milliseconds:.3g}")
