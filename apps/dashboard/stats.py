"""What the page is told: the points of its range, what it missed of them, and each new one."""

import asyncio
import time
from collections.abc import AsyncGenerator

from asgiref.sync import sync_to_async

from apps.sse import shared

from .history import History
from .models import BUCKET, bucket_of
from .points import Point
from .ranges import MINUTES, SUMMARISED
from .summaries import Summaries

GRACE = 1
"""Seconds that processes have to write their samples after the end of a bucket."""

histories = {MINUTES.name: History(), **{span.name: Summaries(span) for span in SUMMARISED}}


@shared
async def latest(span: str) -> AsyncGenerator[Point]:
    """Yield the newest point of a range, then each new one, shortly after the end of its bucket."""
    told = 0
    while True:
        last = newest()
        points = await sync_to_async(histories[span].until)(last)
        if points and points[-1]["time"] > told:
            told = points[-1]["time"]
            yield points[-1]
        # Timers may fire a little early: what counts is that the next bucket is there.
        while newest() == last:
            await asyncio.sleep(last + 2 * BUCKET + GRACE - time.time())


async def missed(span: str, seen: int) -> list[Point]:
    """Return the points of a range after the one at the time `seen`; none after 0."""
    return [point for point in await sync_to_async(recent)(span) if point["time"] > seen] if seen else []


def recent(span: str = MINUTES.name) -> list[Point]:
    """Return the points of a range, oldest first."""
    return histories[span].until(newest())


def known(last_event_id: str | None) -> int:
    """Return the time of the last point a client has seen, 0 if none; it cannot have seen the future."""
    seen = int(last_event_id or 0)
    return seen if seen <= newest() else 0


def newest() -> int:
    """Return the last bucket that all processes have had the time to write."""
    return bucket_of(time.time() - GRACE) - BUCKET
