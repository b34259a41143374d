"""
A crowd: more clients request streams than this process opens at once, for example after its restart.

The requests wait here, because Django takes longer for many at once than for one after the other. `DjustSSE` gives
up a request after ten seconds, so one that would wait too long is refused, with a `Retry-After` that spreads the
refused clients over the time that opening their streams takes.
"""

import asyncio
import math
import time
from typing import Any

from ..stats import metrics

# Requests in Django. More of them cost more CPU for each, because their threads take turns; fewer would leave a
# core idle while a database takes 3 ms to answer. One that takes longer than PLACE_SECONDS, because its view
# waits, no longer counts.
PLACES = 4
PLACE_SECONDS = 0.25
MAX_WAIT_SECONDS = 4.0
# The time for one stream, until it has been measured.
FIRST_SECONDS = 0.01
SMOOTHING = 256
# The time for a refusal, as a share of that for a stream.
REFUSAL = 0.1


class Crowd:
    """The requests for streams that Django handles, those that wait, and the clients that come back later."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(PLACES)
        self._waiting = self._refused = 0
        # The refused clients come back by this time.
        self._all_back_at = 0.0
        # Sums of the newest times and streams, in which a refusal counts as `REFUSAL` streams.
        self._time, self._streams = FIRST_SECONDS, 1.0
        self._last: float | None = None

    async def enter(self) -> None:
        """Wait for a place, behind the requests that came before."""
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    def give_up(self) -> None:
        """Give the place to the request that has waited longest, because the client has left."""
        self._places.release()

    def leave(self) -> None:
        """Give the place to the request that has waited longest, and measure the time of the answered one."""
        now = time.monotonic()
        if self._last is not None:
            self._time += now - self._last - self._time / SMOOTHING
            self._streams += 1 + REFUSAL * self._refused - self._streams / SMOOTHING
        self._refused = 0
        # Without others that wait, the time until the next stream would include idle time.
        self._last = now if self._waiting else None
        self._places.release()

    def retry_after(self, scope: dict[str, Any]) -> int:
        """Return the seconds after which the client has to come back, 0 if its request can wait for a place."""
        # A browser's own `EventSource` never connects again after a 503. `DjustSSE` sends this header, and not to
        # other origins, where it could not read `Retry-After`.
        can_come_back = b"sse-share-key" in dict(scope["headers"])
        seconds = self._time / self._streams
        if self._waiting * seconds < MAX_WAIT_SECONDS or not can_come_back:
            return 0
        self._refused += 1
        metrics.counts["deferred"] += 1
        now = time.monotonic()
        self._all_back_at = max(self._all_back_at, now) + seconds
        return math.ceil(self._all_back_at - now)


def is_stream(scope: dict[str, Any]) -> bool:
    """Return whether an ASGI scope is of a request for a stream."""
    return b"text/event-stream" in dict(scope["headers"]).get(b"accept", b"")
