"""One request to an ASGI application in this process, and its response."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.core.signals import got_request_exception
from django.utils.datastructures import CaseInsensitiveMapping

from ..access import access_check
from ..servers.asgi import Application
from ..stream.query_threads import QueryThread, own_query_thread


class ASGIRequest:
    """
    A request without a body, handled by a task of the running loop.

    `executor` runs Django's synchronous code; the default is Django's own threads. `status`, `headers`
    and `chunks` are what has been received.
    """

    def __init__(self, application: Application, scope: dict[str, Any], executor: Executor | None = None) -> None:
        self.path = scope["path"]
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.chunks: list[bytes] = []
        self.exception: BaseException | None = None
        self._messages = [{"type": "http.request", "body": b"", "more_body": False}]
        self._disconnected = asyncio.Event()
        self._changed = asyncio.Event()
        self._task = asyncio.ensure_future(self._run(application, scope, executor))
        self._task.add_done_callback(lambda _: self._changed.set())

    async def wait(self, condition: Callable[[], Any], timeout: float) -> bool:
        """Wait until a condition is true or the response has ended; return False after `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not (condition() or self._task.done()):
                    self._changed.clear()
                    await self._changed.wait()
        return bool(condition() or self._task.done())

    async def disconnect(self, timeout: float) -> None:
        """Disconnect. Raises what the application raised, or `AssertionError` if it runs on after `timeout`."""
        self._disconnected.set()
        if not await self.wait(lambda: False, timeout):
            self._task.cancel()
            raise AssertionError(
                f"{self.path} is still running {timeout:g} s after its client disconnected: what does it wait for?"
            )
        self._task.result()

    async def _run(self, application: Application, scope: dict[str, Any], executor: Executor | None) -> None:
        got_request_exception.connect(self._keep_exception)
        access_check.is_on.set(False)
        try:
            async with contextlib.AsyncExitStack() as stack:
                if executor:
                    own_query_thread.set(QueryThread(executor))
                    await stack.enter_async_context(ThreadSensitiveContext(executor=executor))
                await application(scope, self._receive, self._send)
        finally:
            got_request_exception.disconnect(self._keep_exception)

    async def _receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop()
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
            self.headers = CaseInsensitiveMapping(pairs)
        elif message.get("body"):
            self.chunks.append(message["body"])
        self._changed.set()

    def _keep_exception(self, request: Any, **kwargs: Any) -> None:
        if request.path == self.path:
            self.exception = sys.exception()
