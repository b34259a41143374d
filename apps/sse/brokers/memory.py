"""A log in memory, for tests and for sites with one process that may lose events at a restart."""

import asyncio
import functools
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import islice

from django.db import transaction

from ..conf import setting
from ..wire.events import Event, Position
from .base import Broker, Gap, size_of


class MemoryBroker(Broker):
    """`memory://`: events reach the clients of this process only."""

    is_blocking = False

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._lock = threading.Lock()
        self._log = [Event(channel="", name="mark", text="", number=1)]
        # The monotonic time at which each event was logged.
        self._logged_at: dict[int, float] = {}
        self._size = 0
        self._wakes: set[Callable[[], object]] = set()

    def append(self, event: Event) -> None:
        transaction.on_commit(functools.partial(self._append, event))

    def read(self, after: Position, limit: int, channels: Collection[str] | None = None) -> list[Event]:
        with self._lock:
            start = bisect_left(self._log, after.number, key=lambda event: event.number)
            if start == len(self._log) or self._log[start].position != after:
                raise Gap(after)
            following = self._log[start + 1 :]
        return [*islice((e for e in following if channels is None or e.channel in channels), limit)]

    def tail(self, limit: int) -> list[Event]:
        with self._lock:
            return self._log[-max(limit, 1) :]

    def latest(self, channels: Collection[str]) -> list[Event]:
        newest = {event.channel: event for event in self.tail(len(self._log)) if event.durable}
        return sorted((newest[c] for c in {*channels} if c in newest), key=lambda event: event.number)

    async def listen(self, wake: Callable[..., object]) -> None:
        call = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, wake)
        self._wakes.add(call)
        wake()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._wakes.discard(call)

    def trim(self) -> int:
        oldest = time.monotonic() - setting("SSE_RETENTION_AGE")
        with self._lock:
            place, self._size = len(self._log) - 1, size_of(self._log[-1])
            least = max(0, len(self._log) - setting("SSE_RETENTION_COUNT"))
            while place > least:
                event = self._log[place - 1]
                size = self._size + size_of(event)
                if size > setting("SSE_RETENTION_BYTES") or self._logged_at.get(event.number, oldest) < oldest:
                    break
                place, self._size = place - 1, size
            for event in self._log[:place]:
                self._logged_at.pop(event.number, None)
            del self._log[:place]
            return place

    def _append(self, event: Event) -> None:
        with self._lock:
            event = replace(event, number=self._log[-1].number + 1)
            self._log.append(event)
            self._logged_at[event.number] = time.monotonic()
            self._size += size_of(event)
            is_full = len(self._log) > 1.1 * setting("SSE_RETENTION_COUNT") + 10
            is_full |= self._size > 1.1 * setting("SSE_RETENTION_BYTES")
        if is_full:
            self.trim()
        for wake in list(self._wakes):
            wake()
