"""The points of each range, as this process has read them, and the newest ones as they come."""

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
    """The points of one range, for any thread; each of them is read once."""

    def __init__(self, span: Range) -> None:
        self.span = span
        self.lock = threading.Lock()
        self.last = 0
        self.points: dict[int, Point] = {}

    def until(self, last: int) -> list[Point]:
        """
        Return the points of the range that ends with the bucket `last`, oldest first.

        A time that was not measured has no point. It takes one query if `last` was not asked for
        before, otherwise none.
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
async def following(span: str) -> AsyncGenerator[list[Point]]:
    """Yield the points of a range, then again shortly after the end of each bucket that has one."""
    told = -1
    while True:
        last = newest(BUCKET)
        points = await sync_to_async(recent)(span)
        if points and points[-1]["time"] > told:
            told = points[-1]["time"]
            yield points
        # Timers may fire a little early: what counts is that the next bucket is there.
        while newest(BUCKET) == last:
            await asyncio.sleep(last + 2 * BUCKET + DELAY - time.time())


def recent(span: str = MINUTES.name) -> list[Point]:
    """Return the points of a range, oldest first."""
    return histories[span].until(newest(RANGES[span].step))


def known(last_event_id: str | None) -> int:
    """Return the time of the last point a client has seen, 0 if none; it cannot have seen the future."""
    seen = int(last_event_id or 0)
    return seen if seen <= newest(BUCKET) else 0


def newest(step: int) -> int:
    """Return the start of the last `step` seconds whose point can be there."""
    return int((time.time() - DELAY) // step - 1) * step
