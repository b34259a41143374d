"""
The hub: one per process and event loop, it delivers events to all connections of that loop.

Each event is read once and encoded once, and the same bytes go to every follower of its channel.
"""

import asyncio
import logging
import time
from collections import defaultdict

from ..brokers import Broker, Gap, get_broker
from ..stats import metrics
from ..stats.metrics import EndReason
from ..wire.events import Event, Position, sse_id
from . import control
from .followers import Follower, send_to_all
from .log import Log
from .missed import PAGE

logger = logging.getLogger("apps.sse")

# The size of a replay's chunks, except for a single event that is larger.
REPLAY_BYTES = 64 * 1024


class Hub:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._log = Log(broker, self._deliver, self._drop_all, self._on_start)
        # dict, not set: insertion order is cache-friendly.
        self._followers = {latest: defaultdict[str, dict[Follower, None]](dict) for latest in (False, True)}
        # One bound method for all connections, which saves memory in each of them.
        self.keepalive_frame = self._keepalive_frame

    @property
    def newest(self) -> Position:
        """The position of the newest event that was delivered; call `start` first."""
        return self._log.recent.newest.position

    def start_soon(self) -> None:
        """Follow the log from now on, or as soon as it can be read."""
        self._log.start_soon()

    async def start(self) -> None:
        """Follow the log from now on; raises `Unavailable` if it cannot be read."""
        await self._log.start()

    def close(self) -> None:
        """Stop following, and drop all followers."""
        self._drop_all("closed")
        self._log.close()

    def join(self, follower: Follower) -> Position:
        """Add a follower and return the position after which it gets every event; call `start` first."""
        for channel in follower.channels:
            self._followers[follower.latest][channel][follower] = None
        return self.newest

    async def join_after(self, follower: Follower, since: Position) -> None:
        """
        Replay what a follower missed since a position, then add it: no gap and no repeat.

        Raises `Gap` if the log does not contain the position, `Unavailable` if it cannot be read.
        """
        await self._log.catch_up_to(since)
        channels = frozenset(follower.channels)
        metrics.counts["replays"] += 1
        while not follower.is_ended:
            page = self._log.recent.after(since, channels)
            if page is None:
                page, since = await self._log.read_after(since, channels)
            elif len(_first_chunk(page)) == len(page):
                # Nothing is awaited between these events and the next that are delivered.
                _replay(follower, page)
                self.join(follower)
                return
            else:
                page = page[:PAGE]
                since = page[-1].position
            while page and not follower.is_ended:
                chunk = _first_chunk(page)
                page = page[len(chunk) :]
                _replay(follower, chunk)
                await follower.drain()

    async def join_latest(self, follower: Follower, since: Position | None = None) -> None:
        """
        Replay the newest event of each channel, except those up to `since`; then add the follower.

        Raises `Gap` if the log is known not to contain the position, `Unavailable` if it cannot be read.
        """
        if since is not None:
            await self._log.catch_up_to(since)
        channels = frozenset(follower.channels)
        newest = await self._log.latest(channels)
        replayed, epoch = since.number if since else 0, self._log.epoch
        while not follower.is_ended:
            missed = sorted((e for e in newest.values() if e.number > replayed), key=lambda event: event.number)
            chunk = _first_chunk(missed)
            _replay(follower, chunk)
            if len(chunk) == len(missed):
                self.join(follower)
                return
            replayed = chunk[-1].number
            await follower.drain()
            if self._log.epoch != epoch:
                raise Gap(chunk[-1].position)
            newest |= self._log.recent.latest(channels)

    def leave(self, follower: Follower) -> None:
        channels = self._followers[follower.latest]
        for channel in follower.channels:
            channels[channel].pop(follower, None)
            if not channels[channel]:
                del channels[channel]

    def _keepalive_frame(self) -> bytes:
        """Return a keepalive with the newest position, for the clients of quiet channels."""
        return sse_id(str(self.newest)).encode()

    def _deliver(self, events: list[Event]) -> int:
        """Deliver events of one channel, as the same message for all followers; return how many these are."""
        every, latest = (list(followers.get(events[0].channel, ())) for followers in self._followers.values())
        try:
            send_to_all(every, events)
            for event in _newest(events) if latest else ():
                send_to_all(latest, [event])
            if events[0].channel == control.CHANNEL:
                control.dispatch(events)
            else:
                _count(events, len(every) + len(latest))
        except BaseException:
            # It is unknown which followers got the events.
            self._drop_all("failed")
            raise
        return len(every) + len(latest)

    def _on_start(self, newest: list[Event]) -> None:
        """Handle recent messages that end streams: this loop's first requests may be older than these."""
        control.dispatch((e for e in newest if e.durable and e.channel == control.CHANNEL), is_new=False)

    def _drop_all(self, reason: EndReason) -> None:
        for channels in self._followers.values():
            for follower in {follower for followers in channels.values() for follower in followers}:
                follower.drop(reason)
        if reason in {"gap", "failed"}:
            # Messages that end streams may be among the events that are lost or were not delivered.
            control.lost.send(sender=None, reason=reason)


def _first_chunk(events: list[Event]) -> list[Event]:
    size = 0
    for count, event in enumerate(events[:PAGE]):
        size += len(event.frame)
        if count and size > REPLAY_BYTES:
            return events[:count]
    return events[:PAGE]


def _replay(follower: Follower, events: list[Event]) -> None:
    if events:
        metrics.counts["replayed"] += len(events)
        send_to_all([follower], events)


def _newest(events: list[Event]) -> list[Event]:
    """Return the newest durable event and, if it is newer, the newest event that is not durable."""
    durable = [event for event in events if event.durable][-1:]
    return durable if events[-1].durable else [*durable, events[-1]]


def _count(events: list[Event], followers: int) -> None:
    metrics.counts["read"] += len(events)
    if followers:
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


def is_ready(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the hub of a loop follows the log and can read it; for any thread."""
    hub = _hubs.get(loop)
    return hub is not None and hub.broker is get_broker() and hub._log.can_read


def can_read() -> bool:
    """Return whether each hub of this process can read its log; true if there is none."""
    return all(hub._log.can_read for loop, hub in list(_hubs.items()) if not loop.is_closed())
