"""
If `send` raises any exception, its stream ends and other streams continue, with and without the hand-off.

`faults` has the broken connections of a whole deployment: calls of sockets, the broker and the database.
"""

import asyncio
import contextlib
import gc
import itertools

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from django.urls import path

from apps.sse import SSEView
from apps.sse.access import limits
from apps.sse.asgi import hand_off
from apps.sse.delivery.hub import get_hub
from apps.sse.stream import registry
from apps.sse.testing.asgi_request import ASGIRequest

from .followers import RecordingFollower, append_event, until

TIMEOUT_SECONDS = 10
MISSED = 4


class ServerError(Exception):
    """An exception that no library knows."""


class News(SSEView):
    """Two channels, with a keepalive at each tick of the timer."""

    channels = ["news", "sport"]
    sse_keepalive_interval = 0.01


class Request(ASGIRequest):
    """A request whose `send` raises `error` at call number `fails_at`, at once or, if `waits`, after a switch."""

    def __init__(self, application, since=None, *, fails_at=0, error=None, waits=False):
        self.fails_at, self.error, self.waits = fails_at, error, waits
        self.calls = 0
        headers = [(b"host", b"testserver"), *([(b"last-event-id", str(since).encode())] if since else [])]
        super().__init__(
            application,
            {
                "type": "http",
                "http_version": "1.1",
                "method": "GET",
                "path": "/",
                "query_string": b"",
                "headers": headers,
                "client": ("127.0.0.1", 1),
                "server": ("testserver", 80),
            },
        )

    @property
    def body(self):
        return b"".join(self.chunks)

    def delete_response(self):
        self._task = self.error = None
        gc.collect()

    async def _send(self, message):
        self.calls += 1
        if self.waits:
            await asyncio.sleep(0)
        if self.calls == self.fails_at:
            raise self.error
        await super()._send(message)


async def play(application, **fault):
    """Reconnect, receive missed events, a live event and a keepalive, and be disconnected by the server."""
    others = list(registry.get_registry().connections)
    since = get_hub().join(RecordingFollower("nothing"))
    for number in range(MISSED):
        append_event(["news", "sport"][number % 2], "missed" + "x" * 40_000)
    request = Request(application, since, **fault)
    await request.wait(lambda: request.body.count(b"missed") == MISSED, TIMEOUT_SECONDS)
    append_event("sport", "live")
    await request.wait(lambda: b"live" in request.body, TIMEOUT_SECONDS)
    await request.wait(lambda: b"id:" in request.body.rpartition(b"live")[2], TIMEOUT_SECONDS)
    registry.get_registry().end(lambda connection: connection not in others, "restart")
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await request.disconnect(TIMEOUT_SECONDS)
    return request


@pytest.mark.parametrize(
    ("way", "error", "waits"),
    [
        *itertools.product(["hand-off"], [OSError, ServerError, asyncio.CancelledError], [False, True]),
        ("ASGI", RuntimeError, True),
    ],
)
async def test_a_stream_whose_send_raises_leaves_no_connection_and_no_task_behind(monkeypatch, way, error, waits):
    monkeypatch.setattr(registry, "TICK_SECONDS", 0.01)
    with override_settings(ROOT_URLCONF=(path("", News.as_view()),), MIDDLEWARE=[], ALLOWED_HOSTS=["testserver"]):
        application = hand_off(ASGIHandler()) if way == "hand-off" else ASGIHandler()
        await get_hub().start()
        witness = Request(application)
        await witness.wait(lambda: b"id:" in witness.body, TIMEOUT_SECONDS)
        tasks = asyncio.all_tasks()
        for number in itertools.count(1):
            received = witness.body.count(b"live")
            request = await play(application, fails_at=number, error=error("injected"), waits=waits)
            if way == "ASGI":
                # Django does not close a response that it could not send; only its deletion ends the stream.
                request.delete_response()
                await until(lambda: limits.connection_counts.counts["SSE_MAX_TOTAL"].total() == 1)
            assert limits.connection_counts.counts["SSE_MAX_TOTAL"].total() == 1, f"call {number}"
            chunks = len(witness.chunks)
            await until(lambda: len(witness.chunks) > chunks + 2)  # noqa: B023
            assert witness.body.count(b"live") == received + 1
            await until(lambda: asyncio.all_tasks() <= tasks)
            if request.calls < number:
                break
        print(f"{way}: {request.calls} calls of send")
        assert request.calls > 5
        await witness.disconnect(TIMEOUT_SECONDS)


class Changing(Request):
    """A request through a middleware that changes each message of the response."""

    async def _send(self, message):
        if "body" in message:
            message["body"] = message["body"].upper()
        await super()._send(message)


async def test_a_middleware_around_the_application_that_changes_a_message_changes_no_other_stream():
    with override_settings(ROOT_URLCONF=(path("", News.as_view()),), MIDDLEWARE=[], ALLOWED_HOSTS=["testserver"]):
        application = hand_off(ASGIHandler())
        requests = []
        for kind in (Request, Changing, Request):
            requests.append(kind(application))
            await requests[-1].wait(lambda: b"open" in requests[-1].body.lower(), TIMEOUT_SECONDS)
        append_event("sport", "live")
        for request in requests:
            await request.wait(lambda: b"live" in request.body.lower(), TIMEOUT_SECONDS)  # noqa: B023
        assert [b"live" in request.body for request in requests] == [True, False, True]
        for request in requests:
            await request.disconnect(TIMEOUT_SECONDS)
