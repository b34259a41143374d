"""A request to an ASGI application in this process, and what comes back."""

import asyncio
import contextlib
import http
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import got_request_exception, request_finished, request_started
from django.dispatch import Signal
from django.utils.datastructures import CaseInsensitiveMapping

from ..access import access_check
from ..asgi import Application
from ..stream.query_threads import QueryThread, own_query_thread

SHOWN_BYTES = 200

_lock = threading.Lock()
_heard: dict[Signal, list[Any]] = {}
_muting = 0


class Handler(ASGIHandler):
    """
    Django's own, without what a server's requests start and close around them.

    That would be the database connection of the test, too.
    """

    async def handle(self, scope, receive, send):
        with _muted():
            await super().handle(scope, receive, send)


class ASGIRequest:
    """
    One request without a body, answered in a task of the running loop.

    `executor` runs what Django does synchronously; without one its own threads do. `status`,
    `headers` and `chunks` are what came so far.
    """

    def __init__(self, application: Application, scope: dict[str, Any], executor: Executor | None = None) -> None:
        self.path = scope["path"]
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.chunks: list[bytes] = []
        self.failure: BaseException | None = None
        self._requests = [{"type": "http.request", "body": b"", "more_body": False}]
        self._has_left = asyncio.Event()
        self._changed = asyncio.Event()
        self._task = asyncio.ensure_future(self._run(application, scope, executor))
        self._task.add_done_callback(lambda _: self._changed.set())

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come."""
        return self._task.done()

    async def wait(self, happened: Callable[[], Any], seconds: float) -> bool:
        """Wait until something has happened or nothing more can come; False if the time was too short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not (happened() or self.is_over):
                    self._changed.clear()
                    await self._changed.wait()
        return bool(happened() or self.is_over)

    async def leave(self, seconds: float) -> None:
        """Hang up as a client does; raises what the application has raised, or that it goes on."""
        self._has_left.set()
        if not await self.wait(lambda: False, seconds):
            self._task.cancel()
            raise AssertionError(
                f"{self.path} is still running {seconds:g} s after its client disconnected: what does it wait for?"
            )
        self._task.result()

    def told(self) -> str:
        """Return the answer's status and the beginning of its body, for whoever has expected another."""
        if not self.status:
            return f"{self.path} sent no response"
        answer = f"{self.path} returned {self.status} {http.HTTPStatus(self.status).phrase}"
        if "Location" in self.headers:
            return f"{answer} to {self.headers['Location']}"
        body = b"".join(self.chunks)[:SHOWN_BYTES].decode(errors="replace").strip()
        return f"{answer} ({self.headers.get('Content-Type', 'no type')}): {body}" if body else answer

    async def _run(self, application: Application, scope: dict[str, Any], executor: Executor | None) -> None:
        got_request_exception.connect(self._note_failure)
        access_check.is_on.set(False)
        try:
            async with _working_in(executor) if executor else contextlib.nullcontext():
                await application(scope, self._receive, self._send)
        finally:
            got_request_exception.disconnect(self._note_failure)

    async def _receive(self) -> dict[str, Any]:
        if self._requests:
            return self._requests.pop()
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
            self.headers = CaseInsensitiveMapping(pairs)
        elif message.get("body"):
            self.chunks.append(message["body"])
        self._changed.set()

    def _note_failure(self, request: Any, **kwargs: Any) -> None:
        if request.path == self.path:
            self.failure = sys.exception()


@contextlib.asynccontextmanager
async def _working_in(executor: Executor) -> AsyncIterator[None]:
    own_query_thread.set(QueryThread(executor))
    async with ThreadSensitiveContext(executor=executor):
        yield


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    global _muting
    with _lock:
        _muting += 1
        if _muting == 1:
            for each in (request_started, request_finished):
                _heard[each], each.receivers = each.receivers, []
    try:
        yield
    finally:
        with _lock:
            _muting -= 1
            if not _muting:
                for each, receivers in _heard.items():
                    each.receivers = receivers
