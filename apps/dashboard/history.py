"""The points of each range, cached in this process, and a generator of new ones."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator

from asgiref.sync import sync_to_async

from apps.sse import shared

from .models import BUCKET, MINUTES, RANGES, Point, Range, Summary

DELAY = 1
"""Seconds after the end of a bucket until its point is stored."""


class History:
    """A thread-safe cache of one range: each point is read from the database once."""

    def __init__(self, span: Range) -> None:
        self.span = span
        self.lock = threading.Lock()
        self.last = 0
        self.points: dict[int, Point] = {}

    def until(self, last: int) -> list[Point]:
        """
        Return the points of the range that ends with the bucket `last`, oldest first.

        Times without measurements have no point. This takes one query for a new `last`, otherwise none.
        """
        with self.lock:
            if last > self.last:
                self._read(last)
                self.last = last
            return list(self.points.values())

    def _read(self, last: int) -> None:
        oldest = last - self.span.length
        unread = Summary.objects.filter(step=self.span.step, bucket__lte=last).order_by("bucket")
        found = unread.filter(bucket__gt=max(oldest, *self.points, 0)).values_list("bucket", "point")
        self.points = {time: each for time, each in self.points.items() if time > oldest} | dict(found)


histories = {span.name: History(span) for span in RANGES.values()}


@shared
async def live_points(span: str) -> AsyncGenerator[list[Point]]:
    """Yield the points of a range, then again shortly after the end of each bucket that has one."""
    sent = -1
    while True:
        last = newest_bucket(BUCKET)
        points = await sync_to_async(recent)(span)
        if points and points[-1]["time"] > sent:
            sent = points[-1]["time"]
            yield points
        # Timers may fire early: wait until the next bucket is readable.
        while newest_bucket(BUCKET) == last:
            await asyncio.sleep(last + 2 * BUCKET + DELAY - time.time())


def recent(span: str = MINUTES.name) -> list[Point]:
    """Return the points of a range, oldest first."""
    return histories[span].until(newest_bucket(RANGES[span].step))


def last_seen(last_event_id: str | None) -> int:
    """Return the time of the last point that a client has; 0 if it has none, or an id from the future."""
    seen = int(last_event_id or 0)
    return seen if seen <= newest_bucket(BUCKET) else 0


def newest_bucket(step: int) -> int:
    """Return the start of the newest bucket of `step` seconds whose point is stored."""
    return int((time.time() - DELAY) // step - 1) * step
