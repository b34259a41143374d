"""An open stream in a test: received events and assertions about them."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

from asgiref.sync import sync_to_async
from django.db import transaction

from ..stream import registry
from ..wire.parser import Parser, ReceivedEvent
from .asgi_request import ASGIRequest
from .loop_thread import LoopThread

PATIENCE_SECONDS = 10.0
SILENCE_SECONDS = 0.2
SHOWN_EVENTS = 10
# It only has the position at which a stream begins, for `last_event_id`.
OPEN = "sse:open"


class Refused(AssertionError):
    """
    The response is not a stream. It has `status`, `headers` and `body`.

    If the view raised an exception, that is the cause of this one.
    """

    def __init__(self, exchange: ASGIRequest) -> None:
        super().__init__(f"The response is not a stream: {exchange.told()}.")
        self.status = exchange.status
        self.headers = exchange.headers
        self.body = b"".join(exchange.chunks)


class AsyncStream:
    """A stream opened by `StreamClient.open` in an async test."""

    def __init__(self, exchange: ASGIRequest, last_event_id: str) -> None:
        self._events: list[ReceivedEvent] = []
        self._exchange = exchange
        self._parser = Parser(last_event_id)
        self._read = 0
        self._taken = 0

    @property
    def status(self) -> int:
        """The response's status."""
        return self._exchange.status

    @property
    def headers(self):
        """The response's headers."""
        return self._exchange.headers

    @property
    def events(self) -> list[ReceivedEvent]:
        """All received events, including those already taken."""
        for chunk in self._exchange.chunks[self._read :]:
            self._events += [event for event in self._parser.feed(chunk) if event.name != OPEN]
            self._read += 1
        return self._events

    @property
    def last_event_id(self) -> str:
        """The `Last-Event-ID` that the client would send if it reconnected now."""
        self.events  # noqa: B018 - reads on
        return self._parser.last_event_id

    @property
    def is_open(self) -> bool:
        """Whether the stream is still open."""
        return not self._exchange.is_over

    async def next(self, *, timeout: float = PATIENCE_SECONDS) -> ReceivedEvent:
        """Return the next event; raises `AssertionError` if none arrives within `timeout` seconds."""
        in_time = await self._exchange.wait(self._waits, timeout)
        if self._waits():
            self._taken += 1
            return self.events[self._taken - 1]
        what = "The stream has ended." if in_time else f"No event arrived within {timeout:g} s."
        raise AssertionError(f"{what} {self._story()}{await sync_to_async(_hint)()}")

    async def assert_event(
        self, name: str, data: Any = mock.ANY, *, id: Any = mock.ANY, timeout: float = PATIENCE_SECONDS
    ) -> ReceivedEvent:
        """Return the next event; raises `AssertionError` if it differs from the expected one."""
        event = await self.next(timeout=timeout)
        if (event.name, event.data, event.id) != (name, data, id):
            expected = ", ".join([name, *(repr(given) for given in (data, id) if given is not mock.ANY)])
            raise AssertionError(f"Expected {expected}, received {event}. {self._story()}")
        return event

    async def assert_no_event(self, *, within: float = SILENCE_SECONDS) -> None:
        """Raise `AssertionError` if an event waits to be taken, or arrives within this many seconds."""
        await self._exchange.wait(self._waits, within)
        if self._waits():
            raise AssertionError(f"Expected no event, received {self.events[self._taken]}. {self._story()}")

    async def rest(self, *, timeout: float = PATIENCE_SECONDS) -> list[ReceivedEvent]:
        """Return all further events; raises `AssertionError` unless the stream ends within `timeout` seconds."""
        if not await self._exchange.wait(lambda: False, timeout):
            raise AssertionError(f"The stream is still open after {timeout:g} s. {self._story()}")
        rest, self._taken = self.events[self._taken :], len(self.events)
        return rest

    async def begin(self, *, timeout: float = PATIENCE_SECONDS) -> None:
        """
        Wait until the stream has begun. A stream with positions then receives everything published later.

        Raises `Refused` if the response is not a stream.
        """
        exchange = self._exchange
        earlier = set(registry.get_registry().connections)
        in_time = await exchange.wait(lambda: exchange.status, timeout)
        if not in_time or not exchange.headers.get("Content-Type", "").startswith("text/event-stream"):
            await exchange.wait(lambda: False, timeout)
            raise Refused(exchange) from exchange.failure
        await exchange.wait(lambda: exchange.chunks, timeout)
        new: set[Any] = set(registry.get_registry().connections) - earlier
        if not self.last_event_id and any(connection.source.has_positions for connection in new):
            await exchange.wait(lambda: self._waits() or self.last_event_id, timeout)

    async def close(self, *, timeout: float = PATIENCE_SECONDS) -> None:
        """Disconnect and wait until the stream has ended, its `finally` included."""
        await self._exchange.leave(timeout)

    def _waits(self) -> bool:
        return len(self.events) > self._taken

    def _story(self) -> str:
        if not self.events:
            return f"{self._exchange.path} sent no events."
        told = "\n".join(f"  {event}" for event in self.events[-SHOWN_EVENTS:])
        more = f", the last {SHOWN_EVENTS} of them" if len(self.events) > SHOWN_EVENTS else ""
        return f"{self._exchange.path} sent {len(self.events)} events{more}:\n{told}"


class Stream:
    """An `AsyncStream` in a synchronous test, without `await`. The stream's queries run while a method waits."""

    def __init__(self, aside: LoopThread, stream: AsyncStream) -> None:
        self._loop_thread = aside
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stream, name)
        return partial(self._wait_for, found) if inspect.iscoroutinefunction(found) else found

    def _wait_for(self, method: Callable, *args: Any, **kwargs: Any) -> Any:
        return self._loop_thread.run(method(*args, **kwargs))


def _hint() -> str:
    connection = transaction.get_connection()
    if connection.in_atomic_block and connection.run_on_commit:
        return (
            "\nThe test runs in a transaction that is never committed, so the event was not sent: publish within "
            "captureOnCommitCallbacks(execute=True)."
        )
    return ""
