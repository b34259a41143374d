"""An open stream in a test: received events and assertions about them."""

import asyncio
import inspect
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from http import HTTPStatus
from typing import Any
from unittest import mock

from asgiref.sync import AsyncToSync, sync_to_async
from django.db import transaction

from ..stream import registry
from ..wire.parser import Parser, ReceivedEvent
from .asgi_request import ASGIRequest

TIMEOUT_SECONDS = 10.0
SILENCE_SECONDS = 0.2
MAX_SHOWN_BYTES = 200
# Sets the `last_event_id` of a stream with positions; not an event of the view.
OPEN = "sse:open"


class Refused(AssertionError):
    """The response, with this `status`, is not a stream. An exception of the view is the cause of this one."""

    def __init__(self, request: ASGIRequest) -> None:
        self.status = request.status
        answer = f"returned {self.status} {HTTPStatus(self.status).phrase}" if self.status else "sent no response"
        content = b"".join(request.chunks)[:MAX_SHOWN_BYTES].decode(errors="replace").strip()
        details = request.headers.get("Location") or content
        super().__init__(f"The response is not a stream: {request.path} {answer} {details}")


class AsyncStream:
    """A stream opened by `StreamClient.open` in an async test; `status` and `headers` are the response's."""

    def __init__(self, request: ASGIRequest, last_event_id: str) -> None:
        self._events: list[ReceivedEvent] = []
        self._request = request
        self._parser = Parser(last_event_id)
        self._read_chunks = 0
        self._returned = 0

    @property
    def events(self) -> list[ReceivedEvent]:
        """All received events, including those that `next` has returned."""
        for chunk in self._request.chunks[self._read_chunks :]:
            self._events += [event for event in self._parser.feed(chunk) if event.name != OPEN]
            self._read_chunks += 1
        return self._events

    @property
    def last_event_id(self) -> str:
        """The `Last-Event-ID` that the client would send if it reconnected now."""
        self.events  # noqa: B018 - parses new chunks
        return self._parser.last_event_id

    async def next(self, *, timeout: float = TIMEOUT_SECONDS) -> ReceivedEvent:
        """Return the next event; raises `AssertionError` if none arrives within `timeout` seconds."""
        in_time = await self._request.wait(self._has_next, timeout)
        if self._has_next():
            self._returned += 1
            return self.events[self._returned - 1]
        reason = "The stream has ended." if in_time else f"No event arrived within {timeout:g} s."
        raise AssertionError(f"{reason} {self._summary()}{await sync_to_async(_hint)()}")

    async def assert_event(
        self, name: str, data: Any = mock.ANY, *, id: Any = mock.ANY, timeout: float = TIMEOUT_SECONDS
    ) -> ReceivedEvent:
        """Return the next event; raises `AssertionError` if it differs from the expected one."""
        event = await self.next(timeout=timeout)
        if (event.name, event.data, event.id) != (name, data, id):
            expected = ", ".join([name, *(repr(given) for given in (data, id) if given is not mock.ANY)])
            raise AssertionError(f"Expected {expected}, received {event}. {self._summary()}")
        return event

    async def assert_no_event(self, *, within: float = SILENCE_SECONDS) -> None:
        """Raise `AssertionError` if `next` would return an event within this many seconds."""
        await self._request.wait(self._has_next, within)
        if self._has_next():
            raise AssertionError(f"Expected no event, received {self.events[self._returned]}. {self._summary()}")

    async def rest(self, *, timeout: float = TIMEOUT_SECONDS) -> list[ReceivedEvent]:
        """Return all further events; raises `AssertionError` unless the stream ends within `timeout` seconds."""
        if not await self._request.wait(lambda: False, timeout):
            raise AssertionError(f"The stream is still open after {timeout:g} s. {self._summary()}")
        rest, self._returned = self.events[self._returned :], len(self.events)
        return rest

    async def begin(self, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Wait until the stream will receive all that is published later; raises `Refused` if it is no stream."""
        request = self._request
        earlier = set(registry.get_registry().connections)
        in_time = await request.wait(lambda: request.status, timeout)
        if not in_time or not request.headers.get("Content-Type", "").startswith("text/event-stream"):
            await request.wait(lambda: False, timeout)
            raise Refused(request) from request.exception
        self.status, self.headers = request.status, request.headers
        await request.wait(lambda: request.chunks, timeout)
        new: set[Any] = set(registry.get_registry().connections) - earlier
        if not self.last_event_id and any(connection.has_positions for connection in new):
            await request.wait(lambda: self._has_next() or self.last_event_id, timeout)

    async def close(self, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Disconnect and wait until the stream has ended, its `finally` included."""
        await self._request.disconnect(timeout)

    def _has_next(self) -> bool:
        return len(self.events) > self._returned

    def _summary(self) -> str:
        if not self.events:
            return f"{self._request.path} sent no events."
        lines = "\n".join(f"  {event}" for event in self.events)
        return f"{self._request.path} sent {len(self.events)} events:\n{lines}"


class LoopThread(Executor):
    """
    An event loop in a thread: `run` waits for a coroutine on it.

    Synchronous code of that coroutine, such as queries, runs in the test's thread while it waits in `run`.
    It uses the test's database connection and sees what the test has not committed.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._stop = asyncio.Event()
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        self._loop = started.result()

    def run[Result](self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        future.add_done_callback(lambda _: self._work.put(lambda: None))
        while not future.done():
            self._work.get()()
        return future.result()

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Call a function in the test's thread."""
        future: Future = Future()

        def call() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(*args, **kwargs))
                except BaseException as error:
                    future.set_exception(error)

        self._work.put(call)
        return future

    def close(self) -> None:
        """Cancel the tasks of the loop and end its thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        loop = asyncio.get_running_loop()
        # For code outside of requests, such as a shared producer.
        AsyncToSync.loop_thread_executors[loop] = self  # type: ignore[assignment]
        started.set_result(loop)
        await self._stop.wait()
        del AsyncToSync.loop_thread_executors[loop]


class Stream:
    """An `AsyncStream` in a synchronous test, without `await`. The stream's queries run while a method waits."""

    def __init__(self, loop_thread: LoopThread, stream: AsyncStream) -> None:
        self._loop_thread = loop_thread
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._stream, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute
        return lambda *args, **kwargs: self._loop_thread.run(attribute(*args, **kwargs))


def _hint() -> str:
    connection = transaction.get_connection()
    if connection.in_atomic_block and connection.run_on_commit:
        return (
            "\nThe test runs in a transaction that is never committed, so the event was not sent: publish within "
            "captureOnCommitCallbacks(execute=True)."
        )
    return ""
