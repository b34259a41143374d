"""The events that clients missed: the newest are in memory, older ones are read from the broker."""

import asyncio
import contextvars
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter
from typing import Any

from ..brokers import Broker, Gap
from ..stats import metrics
from ..wire.events import Event, Position
from .call_thread import CallThread

# The events in memory and the characters of their texts: when there are more, the older half is dropped.
MAX_RECENT = 2000
MAX_RECENT_CHARACTERS = 2**23
# Events that are read at once, for one client and for several.
PAGE = 200
MAX_PAGE = 2000
# One read serves the clients whose positions are in the same thousand.
NEAR = 1000
# The loop's other tasks run after this many answers.
ANSWERS_AT_ONCE = 20
# Replays that waited longer for others are counted.
DELAYED_SECONDS = 1.0
# Many clients reconnect with the same position: one read of the events that they missed serves all.
SHARED_SECONDS = 1.0
MAX_SHARED = 8

type _Request = tuple[Position | None, frozenset[str]]


class Recent:
    """The newest events: at least one, and every one after the `oldest`."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = list(events)
        self._characters = sum(len(event.text) for event in self._events)

    @property
    def oldest(self) -> Event:
        return self._events[0]

    @property
    def newest(self) -> Event:
        return self._events[-1]

    def __contains__(self, position: Position) -> bool:
        place = self._place_of(position.number)
        return place < len(self._events) and self._events[place].position == position

    def add(self, events: list[Event]) -> None:
        """Add the events that follow the newest."""
        self._events += events
        self._characters += sum(len(event.text) for event in events)
        while self._is_full() and len(self._events) > 1:
            del self._events[: len(self._events) // 2]
            self._characters = sum(len(kept.text) for kept in self._events)

    def after(self, position: Position, channels: Collection[str]) -> list[Event] | None:
        """
        Return the durable events of these channels after a position, or None if not all of them are here.

        Raises `Gap` if there is no event at that position.
        """
        if position.number < self.oldest.number:
            return None
        if position not in self:
            raise Gap(position)
        following = self._events[self._place_of(position.number) + 1 :]
        return [event for event in following if event.channel in channels and event.durable]

    def latest(self, channels: Collection[str]) -> dict[str, Event]:
        """Return the newest durable event of each of these channels that has one here."""
        return {event.channel: event for event in self._events if event.channel in channels and event.durable}

    def _is_full(self) -> bool:
        return len(self._events) > MAX_RECENT or self._characters > MAX_RECENT_CHARACTERS

    def _place_of(self, number: int) -> int:
        return bisect_left(self._events, number, key=lambda event: event.number)


class Replays:
    """
    Reads older events from the broker, in a thread of their own, so that live events do not wait for replays.

    The clients that wait are served in their order, a page each, and those with near positions by one read.
    """

    def __init__(self, broker: Broker, seconds: float, newest: Callable[[], Position]) -> None:
        self._broker = broker
        self._newest = newest
        self._loop = asyncio.get_running_loop()
        self.thread = CallThread("sse-replay", seconds, unpooled=True)
        self._serving: asyncio.Task[None] | None = None
        self._answers: dict[_Request, asyncio.Future] = {}
        # Those that the thread has not taken, in order, and the times of their arrival.
        self._waiting: dict[_Request, float] = {}

    def request(self, since: Position | None, channels: frozenset[str]) -> asyncio.Future:
        """
        Request durable events of some channels: the newest of each or, if `since` is given, those that follow it.

        The result is a list or, with `since`, a page up to the newest in memory, and the position reached; a `Gap`
        if the log does not contain the position `since`.
        """
        request = since, channels
        if request not in self._answers:
            self._answers[request] = self._loop.create_future()
            self._waiting[request] = self._loop.time()
            if self._serving is None or self._serving.done():
                self._serving = self._loop.create_task(self._serve(), context=contextvars.Context())
        return self._answers[request]

    async def _serve(self) -> None:
        while self._waiting:
            requests = self._take()
            try:
                results = await self.thread.call(self._read, requests, self._newest())
            except BaseException as error:
                results = dict.fromkeys(requests, error)
            for count, (request, result) in enumerate(results.items(), 1):
                self._answer(request, result)
                if count % ANSWERS_AT_ONCE == 0:
                    await asyncio.sleep(0)

    def _take(self) -> list[_Request]:
        """Return the first request that waits, and all others that the same read can answer."""
        block, late = _block(next(iter(self._waiting))), self._loop.time() - DELAYED_SECONDS
        requests = [request for request in self._waiting if _block(request) == block]
        metrics.counts["delayed_replays"] += sum(self._waiting.pop(request) < late for request in requests)
        return requests

    def _answer(self, request: _Request, result: Any) -> None:
        answer = self._answers[request]
        if isinstance(result, BaseException):
            answer.set_exception(result)
            # Retrieved here, because the clients may be gone, and asyncio would report it as never retrieved.
            answer.exception()
        else:
            answer.set_result(result)
            if request[0] and len(self._answers) <= MAX_SHARED:
                self._loop.call_later(SHARED_SECONDS, self._answers.pop, request)
                return
        del self._answers[request]

    def _read(self, requests: list[_Request], newest: Position) -> dict[_Request, Any]:
        """Return the results of requests of one block; runs in a thread."""
        channels = frozenset[str]().union(*(channels for _, channels in requests))
        positions = {since for since, _ in requests if since}
        if not positions:
            found = _by_channel(self._broker.latest(channels))
            return {request: _of(request, found) for request in requests}
        missing = self._broker.missing(positions) if len(positions) > 1 else set()
        results: dict[_Request, Any] = {request: Gap(request[0]) for request in requests if request[0] in missing}
        if known := positions - missing:
            first, last = min(known), max(known)
            # Such a page ends after all of these positions.
            limit = max(min(PAGE * len(requests), MAX_PAGE), last.number - first.number + 1)
            page = self._broker.read(first, limit, channels)
            # The page lacks events that are logged during the read.
            reached = min(page[-1].position, newest) if len(page) == limit else newest
            found = _by_channel(event for event in page if event.durable and event.number <= newest.number)
            results |= {r: (_of(r, found), reached) for r in requests if r[0] in known}
        return results


def _block(request: _Request) -> int | None:
    """Return what the requests have in common that one read can answer."""
    since = request[0]
    return since and since.number // NEAR


def _by_channel(events: Iterable[Event]) -> dict[str, list[Event]]:
    found = defaultdict[str, list[Event]](list)
    for event in events:
        found[event.channel].append(event)
    return found


def _of(request: _Request, found: dict[str, list[Event]]) -> list[Event]:
    since, channels = request
    number = since.number if since else 0
    events = [event for channel in channels & found.keys() for event in found[channel] if event.number > number]
    return sorted(events, key=attrgetter("number"))
