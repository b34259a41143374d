"""The events of channels inside a `stream()`."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from ..brokers import Gap
from ..delivery.followers import Message, Send
from ..delivery.hub import get_hub
from ..delivery.log import Unavailable
from ..stats.metrics import EndReason
from ..wire.events import Event, Position
from .connection import Connection

MAX_WAITING = 1000


class SubscriptionEnded(Exception):
    """The subscription of a `stream()` gets no more events; its argument is the reason to end the stream."""


class StreamStart:
    """Where a stream with positions starts: after `since`, or at the end of the log when it opens."""

    def __init__(self, since: Position | None) -> None:
        self.since = since
        self._connection: Connection

    async def open(self, connection: Connection) -> None:
        """Start at the end of the log if the client sent no position; raises `Unavailable`."""
        self._connection = connection
        if self.since is None:
            hub = get_hub()
            await hub.start()
            self._begin_at(hub.newest)

    def reset(self, newest: Position) -> None:
        """Start at another position, because the log does not hold the client's."""
        self._connection.reset("gap")
        self._begin_at(newest)

    def advance(self, event: Event) -> None:
        """Let the stream's next subscription start after an event that was taken."""
        if self.since and event.number > self.since.number:
            self.since = event.position

    def _begin_at(self, position: Position) -> None:
        self.since = position
        self._connection.begin_at(position)


class Subscription:
    """
    The events of channels inside a `stream()`: `async with … as events: async for event in events`.

    It begins at `start`, or now if `start` has no position. The stream's next subscription begins after the last
    event that was taken. The iteration raises `SubscriptionEnded` if more than `MAX_WAITING` events wait to be
    taken, or if events cannot be read.
    """

    __slots__ = ("_changed", "_failure", "_hub", "_joining", "_start", "_waiting", "channels")

    latest = False
    is_ended = False
    send: Send | None = None
    events = 0
    written_at = 0.0

    def __init__(self, channels: Iterable[str], start: StreamStart) -> None:
        self.channels = tuple(channels)
        self._start = start
        self._joining: asyncio.Task[None] | None = None
        self._waiting: list[Event] = []
        # `__anext__` or `drain` waits for it. A deque and two `asyncio.Event` would take 2 KiB.
        self._changed: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None

    async def __aenter__(self) -> "Subscription":
        self._hub = get_hub()
        await self._hub.start()
        since = self._start.since
        if since is None or since == self._hub.newest:
            self._hub.join(self)
        else:
            self._joining = asyncio.create_task(self._join(since))
        return self

    async def __aexit__(self, *exception: Any) -> None:
        if self._joining is not None:
            self._joining.cancel()
        self._hub.leave(self)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._failure:
                raise self._failure
            self._wake()
            await self._change()
        event = self._waiting.pop(0)
        self._start.advance(event)
        return event

    def deliver(self, events: Sequence[Event], message: Message) -> int:
        """Keep events until they are taken; they are counted when `stream()` has yielded them."""
        if self._failure is None:
            self._waiting.extend(events)
        if len(self._waiting) > MAX_WAITING:
            self.drop("slow")
        self._wake()
        return 0

    def wait_for_send(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        """Not called, because there is no `send`."""

    def on_send_error(self, error: BaseException) -> None:
        """Raise an error in the iteration, so that the stream fails."""
        self._failure = error
        self._wake()

    async def drain(self) -> None:
        """Wait until every event was taken."""
        if self._waiting:
            await self._change()

    def drop(self, reason: EndReason) -> None:
        """Raise in the iteration, so that the stream ends and its client reconnects."""
        self.on_send_error(SubscriptionEnded(reason))

    def _change(self) -> asyncio.Future[None]:
        """Return the future of the next call of `_wake`."""
        if self._changed is None or self._changed.done():
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def _join(self, since: Position) -> None:
        try:
            await self._hub.join_after(self, since)
        except Gap:
            self._start.reset(self._hub.join(self))
        except Unavailable as error:
            self.on_send_error(error)
        self._joining = None
