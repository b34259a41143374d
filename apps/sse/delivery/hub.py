"""
The hub: one per process and event loop, it feeds everybody who listens there.

Each event is read once and framed once, and the same bytes go to every follower of its channel.
"""

import asyncio
import logging
import time
from collections import defaultdict
from itertools import groupby
from typing import Protocol

from ..brokers import Broker, Gap, get_broker
from ..stats import metrics
from ..wire.events import Event, Position, sse_id
from . import control
from .log import PAGE, Log

logger = logging.getLogger("apps.sse")

DELIVERIES_AT_ONCE = 5000
# A replay waits for room after this much; one event may be larger.
REPLAY_BYTES = 64 * 1024


class Follower(Protocol):
    """A follower of channels: of their newest events only if `latest`, else of every one."""

    channels: frozenset[str]
    latest: bool

    @property
    def is_ended(self) -> bool: ...

    def deliver(self, events: list[Event], data: bytes) -> int:
        """
        Take events and their bytes, without waiting; return how many were written to a client.

        They are of one channel, and if `latest` come one at a time, except in a replay.
        """

    async def drain(self) -> None:
        """Wait until what was delivered is on its way."""

    def drop(self, reason: str) -> None:
        """End, so that the client comes back and replays."""


class Hub:
    """Hands the events of a broker to the followers of one event loop."""

    def __init__(self, broker: Broker) -> None:
        self._log = Log(broker, self._hand_out, self._begin_again, self._begun)
        self._made_at = time.time()
        # In the order in which they came, which a processor's caches like better than any other.
        self._followers: defaultdict[str, dict[Follower, None]] = defaultdict(dict)

        # One for all connections, which keep it for as long as they last.
        self.keepalive_frame = self._keepalive_frame

    @property
    def broker(self) -> Broker:
        """Whose events these are."""
        return self._log.broker

    @property
    def newest(self) -> Position:
        """The position of the newest event that followers were given; call `start` first."""
        return self._log.recent.newest.position

    def start_soon(self) -> None:
        """Follow the log from now on, or from as soon as it can be read."""
        self._log.start_soon()

    async def start(self) -> None:
        """Follow the log from now on; raises `Unavailable` if it cannot be read."""
        await self._log.start()

    def close(self) -> None:
        """Stop following, and hang up everybody."""
        self._hang_up_all("closed")
        self._log.close()

    def join(self, follower: Follower) -> Position:
        """Add a follower and return the position after which it hears everything; call `start` first."""
        self._add(follower)
        return self.newest

    async def join_after(self, follower: Follower, since: Position) -> None:
        """
        Give a follower what it has missed since a position, then add it: no gap and no repeat.

        Raises `Gap` if the log does not hold the position, `Unavailable` if it cannot be read.
        """
        await self._log.reach(since)
        metrics.counts["replays"] += 1
        while not follower.is_ended:
            if since.number < self._log.recent.oldest.number:
                page, since = await self._log.older(since, follower.channels)
            else:
                page = self._log.recent.after(since, follower.channels)
                if len(_first(page)) == len(page):
                    # Nothing is awaited between these events and the next that are handed out.
                    _give(follower, page)
                    self._add(follower)
                    return
                page = page[:PAGE]
                since = page[-1].position
            await _replay(follower, page)

    async def join_latest(self, follower: Follower, since: Position | None = None) -> None:
        """
        Give a follower the newest event of each channel, but none up to `since`; then add it.

        Raises `Gap` if the log is known not to hold the position, `Unavailable` if it cannot be read.
        """
        if since is not None:
            await self._log.reach(since)
            if since.number >= self._log.recent.oldest.number:
                self._log.recent.after(since, ())
        known = self._log.recent.latest(follower.channels)
        older = {event.channel: event for event in await self._log.latest(follower.channels.difference(known))}
        if older:
            # What is not known here yet would be handed out once more when it is.
            await self._log.reach(max(event.position for event in older.values()))
        await self._follow_latest(follower, older | known, since.number if since else 0)

    async def _follow_latest(self, follower: Follower, newest: dict[str, Event], reached: int) -> None:
        recent = self._log.recent
        while not follower.is_ended:
            newest = newest | recent.latest(follower.channels)
            missed = sorted(
                (event for event in newest.values() if event.number > reached), key=lambda event: event.number
            )
            first = _first(missed)
            _give(follower, first)
            if len(first) == len(missed):
                self._add(follower)
                return
            reached = first[-1].number
            await follower.drain()
            if self._log.recent is not recent:
                raise Gap(first[-1].position)

    def leave(self, follower: Follower) -> None:
        """Take a follower out."""
        for channel in follower.channels & self._followers.keys():
            self._followers[channel].pop(follower, None)
            if not self._followers[channel]:
                del self._followers[channel]

    def _keepalive_frame(self) -> bytes:
        """Return a sign of life that says how far its followers are, lest a quiet channel makes them old."""
        return sse_id(str(self.newest)).encode()

    def _add(self, follower: Follower) -> None:
        for channel in follower.channels:
            self._followers[channel][follower] = None

    async def _hand_out(self, events: list[Event]) -> None:
        handed_out = 0
        for channel, run in groupby(events, key=lambda event: event.channel):
            same = list(run)
            for event in same:
                self._log.recent.add(event)
            followers = list(self._followers.get(channel, ()))
            _deliver(same, followers)
            if followers:
                _observe_delay(same)
            if channel == control.CHANNEL:
                control.dispatch(same)
            else:
                metrics.counts["read"] += len(same)
            handed_out += len(followers)
            if handed_out > DELIVERIES_AT_ONCE:
                handed_out = 0
                await asyncio.sleep(0)

    def _begun(self, newest: list[Event]) -> None:
        """Take note of what ended streams since the first of this loop's requests began."""
        control.dispatch((e for e in newest if e.durable and e.channel == control.CHANNEL), self._made_at)

    def _begin_again(self, reason: str) -> None:
        self._hang_up_all(reason)
        if reason != "broker":
            # What ends streams may have been among the events that are lost, or were not handed out.
            control.lost.send(sender=None, reason=reason)

    def _hang_up_all(self, reason: str) -> None:
        for follower in {follower for followers in self._followers.values() for follower in followers}:
            follower.drop(reason)


async def _replay(follower: Follower, events: list[Event]) -> None:
    """Give a follower what it has missed, no faster than it takes it."""
    while events and not follower.is_ended:
        first = _first(events)
        _give(follower, first)
        events = events[len(first) :]
        await follower.drain()


def _first(events: list[Event]) -> list[Event]:
    """Return the first events, as many as are given at once."""
    size = 0
    for count, event in enumerate(events[:PAGE]):
        size += len(event.frame)
        if count and size > REPLAY_BYTES:
            return events[:count]
    return events[:PAGE]


def _give(follower: Follower, events: list[Event]) -> None:
    if events:
        metrics.counts["replayed"] += len(events)
        metrics.counts["delivered"] += follower.deliver(events, b"".join([event.frame for event in events]))


def _deliver(events: list[Event], followers: list[Follower]) -> None:
    """Give events of one channel to those who follow it, as the same bytes for all."""
    everything = b"".join([event.frame for event in events]) if followers else b""
    newest = _newest(events)
    written = 0
    for follower in followers:
        try:
            if follower.latest:
                written += sum(follower.deliver([event], event.frame) for event in newest)
            else:
                written += follower.deliver(events, everything)
        except Exception:
            # A server may have its own ideas of a connection; the others are to hear the event all the same.
            logger.exception(
                "An event could not be delivered to a client. The client will reconnect and replay it."
            )
            follower.drop("failed")
    metrics.counts["delivered"] += written


def _newest(events: list[Event]) -> list[Event]:
    """Return the newest durable event, and the newest event if it comes after that one."""
    durable = [event for event in events if event.durable][-1:]
    return durable if events[-1].durable else [*durable, events[-1]]


def _observe_delay(events: list[Event]) -> None:
    now = time.time()
    for event in events:
        metrics.delay.observe(max(0.0, now - event.sent_at))


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def get_hub() -> Hub:
    """Return the hub of the running event loop, which follows the broker of the settings."""
    loop, broker = asyncio.get_running_loop(), get_broker()
    hub = _hubs.get(loop)
    if hub is None or hub.broker is not broker:
        for closed in [other for other in list(_hubs) if other.is_closed()]:
            _hubs.pop(closed, None)
        if hub is not None:
            hub.close()
        hub = _hubs[loop] = Hub(broker)
    return hub


def can_read() -> bool:
    """Return whether each hub of this process can read its log; true if there is none."""
    return all(hub._log.can_read for loop, hub in list(_hubs.items()) if not loop.is_closed())
