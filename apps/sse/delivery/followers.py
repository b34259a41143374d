"""The followers of channels: a message is sent to all without waiting for any; a backlog keeps what waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from functools import partial
from types import coroutine
from typing import Any, Protocol

from ..stats import metrics
from ..stats.metrics import EndReason
from ..wire.events import Event

type Message = dict[str, Any]
type Send = Callable[[Message], Awaitable[None]]

BACKLOG_BYTES = 256 * 1024
BACKLOG_WRITES = 1000


class Follower(Protocol):
    """
    A follower of channels: of their newest events only if `latest`, else of every one.

    `send` is the `send` of an ASGI server, while data can go to it immediately; otherwise `deliver` is called.
    """

    channels: tuple[str, ...]
    latest: bool
    send: Send | None
    events: int
    written_at: float

    @property
    def is_ended(self) -> bool: ...

    def deliver(self, events: Sequence[Event], message: Message) -> int:
        """
        Take events and the message with their bytes, without waiting; return how many were accepted.

        A live call has events of one channel, and a single event if `latest`. A replay may mix channels.
        """

    def wait_for_send(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        """Continue a call of `send`, which has yielded what it waits for, until the client reads."""

    def on_send_error(self, error: BaseException) -> None:
        """End, because `send` or `deliver` has raised an exception."""

    async def drain(self) -> None:
        """Wait until the client has taken what was delivered."""

    def drop(self, reason: EndReason) -> None:
        """End, so that the client reconnects and replays."""


def message_of(data: bytes, *, more_body: bool = True) -> Message:
    """Return the message with which ASGI sends a part of a response's body."""
    return {"type": "http.response.body", "body": data, "more_body": more_body}


def send_to_all(followers: Sequence[Follower], events: Sequence[Event], message: Message | None = None) -> None:
    """Send a message, by default that of the events, to all followers without waiting for any of them."""
    if not followers:
        return
    if message is None:
        message = message_of(b"".join([event.frame for event in events]))
    remaining, now = iter(followers), time.monotonic()
    count, refused = len(events), 0
    current = followers[0]

    async def send_to_remaining() -> None:
        nonlocal current, refused
        for follower in remaining:
            try:
                if (send := follower.send) is None:
                    refused += count - follower.deliver(events, message)
                else:
                    current = follower
                    follower.events += count
                    follower.written_at = now
                    await send(message)
            except (Exception, asyncio.CancelledError) as error:
                follower.on_send_error(error)

    # One coroutine for many calls of `send`, because its end is an exception and costs more than a call.
    while True:
        sending = send_to_remaining()
        try:
            waits_for = sending.send(None)
        except StopIteration:
            break
        # `sending` ends after that call: the next coroutine takes the remaining followers before it can continue.
        current.wait_for_send(sending, waits_for)
    metrics.counts["delivered"] += count * len(followers) - refused


@coroutine
def continue_in_task(steps: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any]:
    """Continue a coroutine that was started outside of this task and has yielded what it waits for."""
    while True:
        try:
            yield waits_for
        except BaseException as error:
            step = partial(steps.throw, error)
        else:
            step = partial(steps.send, None)
        try:
            waits_for = step()
        except StopIteration:
            return


class Backlog:
    """Data to send later, in order: `size` bytes."""

    __slots__ = ("_writes", "size")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._writes: dict[object, bytes] = {}
        self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether it has more than its client may be behind."""
        return self.size > BACKLOG_BYTES or len(self._writes) > BACKLOG_WRITES

    def add(self, data: bytes, newest: Event | None = None) -> None:
        """Add data. With the event `newest` it replaces the earlier events of that event's channel."""
        key: object = object()
        if newest:
            # Keep the durable event: it can be replayed, a newer event that is not durable cannot.
            key = (newest.channel, newest.durable)
            for older in {key, (newest.channel, False)}:
                self.size -= len(self._writes.pop(older, b""))
        self.size += len(data)
        self._writes[key] = data

    def take(self) -> bytes:
        data = b"".join(self._writes.values())
        self.clear()
        return data
