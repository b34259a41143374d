"""`StreamClient` opens streams of the application in this process."""

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.db import connections, transaction
from django.test import AsyncClient, AsyncRequestFactory, Client

from ..asgi import Application, hand_off
from ..conf import setting
from ..databases import release_connections
from .asgi_request import ASGIRequest
from .stream import AsyncStream, LoopThread, Stream


class StreamClient:
    """Opens streams with the cookies of Django's test client, `StreamClient(self.client)`, or without a login."""

    def __init__(self, client: Client | AsyncClient | None = None) -> None:
        self._client = client or Client()

    def open(
        self,
        path: str,
        *,
        user: Any = None,
        last_event_id: Any = "",
        headers: Mapping[str, str] | None = None,
        query_params: Mapping[str, Any] | None = None,
    ) -> "StreamContext":
        """
        Return a context manager of an open stream: `with` gives a `Stream`, `async with` an `AsyncStream`.

        `user`: log this user in first, in a new session. `last_event_id`: the id of a client that
        reconnects, or a `position()`. `headers` and `query_params` are added to the request. The client
        disconnects at the end of the block.

        Raises `Refused` if the response is not a stream; `ImproperlyConfigured` if the broker cannot
        deliver events to this test.
        """
        all_headers = {**(headers or {})}
        if last_event_id:
            all_headers["Last-Event-ID"] = str(last_event_id).encode().decode("latin-1")

        def request() -> tuple[Application, Any]:
            _check_broker()
            # Requests must not close this thread's connections: Django's own test clients keep them, too.
            for connection in connections.all():
                connection.close_if_unusable_or_obsolete = lambda: None  # type: ignore[method-assign]
            factory, client = AsyncRequestFactory(), self._client
            if user is not None:
                client = Client()
                client.force_login(user)
            factory.cookies = client.cookies
            scope = factory.get(path, headers=all_headers, query_params=query_params).scope
            return hand_off(ASGIHandler()), scope  # type: ignore[arg-type]

        return StreamContext(request, str(last_event_id))


def _check_broker() -> None:
    url = setting("SSE_BROKER_URL")
    if transaction.get_connection().in_atomic_block and not url.startswith("memory:"):
        raise ImproperlyConfigured(
            f"This test runs in a transaction, so SSE_BROKER_URL {url!r} delivers no events. Set it to "
            "'memory://', or let transactions commit (TransactionTestCase, django_db(transaction=True))."
        )


class StreamContext:
    """Opens a stream at the beginning of a `with` or `async with` block, and disconnects at its end."""

    def __init__(self, request: Callable[[], tuple[Application, Any]], last_event_id: str) -> None:
        self._request = request
        self._last_event_id = last_event_id

    def __enter__(self) -> Stream:
        with contextlib.ExitStack() as stack:
            loop_thread = stack.enter_context(contextlib.closing(LoopThread()))
            stream = loop_thread.run(self._open(loop_thread))
            stack.callback(lambda: loop_thread.run(stream.close()))
            self._exit = stack.pop_all()
        return Stream(loop_thread, stream)

    def __exit__(self, *exception: object) -> None:
        self._exit.close()

    async def __aenter__(self) -> AsyncStream:
        # The thread of the test's queries.
        executor = getattr(AsyncToSync.executors, "current", None) or SyncToAsync.single_thread_executor
        self._stream = await self._open(executor)
        return self._stream

    async def __aexit__(self, *exception: object) -> None:
        await self._stream.close()
        # Django does not close the connections of an async test's thread.
        await sync_to_async(release_connections)()

    async def _open(self, executor: Executor) -> AsyncStream:
        application, scope = await sync_to_async(self._request)()
        stream = AsyncStream(ASGIRequest(application, scope, executor), self._last_event_id)
        try:
            await stream.begin()
        except BaseException:
            await stream.close()
            raise
        return stream
