"""The response that carries a stream: its headers, and its body on each kind of server."""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from sys import intern
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject, empty

from ..delivery.followers import Message
from ..servers import wsgi
from ..servers.asgi import SCOPE_KEY, HeldRequest
from ..stream.connection import Connection
from ..stream.sources import Source
from ..wire.compression import accepts_gzip, gzip_send

CONTENT_TYPE = "text/event-stream; charset=utf-8"
CLOSED = io.BytesIO()
CLOSED.close()


class StreamResponse(StreamingHttpResponse):
    """
    The stream of a `connection`, with headers against caching, buffering and transformation.

    `source` is what the connection plays. With `compress` it is compressed for clients that accept gzip. Without a
    connection it has headers only, as the response to HEAD.
    """

    def __init__(
        self,
        request: HttpRequest,
        connection: Connection | None,
        source: Source,
        *,
        keepalive: float,
        compress: bool,
    ) -> None:
        super().__init__(content_type=CONTENT_TYPE)
        self.headers["Cache-Control"] = "no-cache, no-transform"
        self.headers["X-Accel-Buffering"] = "no"
        self.headers["SSE-Keepalive"] = f"{keepalive:g}"
        if source.joinable:
            self.headers["SSE-Joinable"] = source.joinable
        if compress:
            patch_vary_headers(self, ["Accept-Encoding"])
            if accepts_gzip(request.headers.get("Accept-Encoding", "")):
                self.headers["Content-Encoding"] = "gzip"
                if connection is not None:
                    connection.wrap_send = gzip_send
        self._own_content = self.streaming_content = self._body(request, connection)

    def _body(self, request: HttpRequest, connection: Connection | None) -> Iterator[bytes] | AsyncIterator[bytes]:
        scope = getattr(request, "scope", None)
        if connection is None:
            return iter(()) if scope is None else _nothing()
        if scope is None:
            return wsgi.Body(frames_of(connection))
        if (held := scope.get(SCOPE_KEY)) is None:
            return frames_of(connection)
        held.connections.append(connection)
        return self._hand_over(held, connection, request)

    async def _hand_over(self, held: HeldRequest, connection: Connection, request: Any) -> AsyncGenerator[bytes]:
        if self._iterator is self._own_content:  # type: ignore[attr-defined]
            held.handed_off = connection
            _trim(request)
            return
        # A middleware that has wrapped the content, as `GZipMiddleware` does, must see it.
        async with aclosing(frames_of(connection)) as frames:
            async for frame in frames:
                yield frame


# The matches of URLs without arguments are the same for all requests.
_matches: dict[tuple[Any, str, str], Any] = {}


def _trim(request: Any) -> None:
    """Free what the request of an open `stream()` no longer needs, or what Django makes again when it is read."""
    its = vars(request)
    its.pop("headers", None)
    for name in {"COOKIES", "GET"} & its.keys():
        read = its.pop(name)
        if read != its.pop(name, getattr(request, name)):
            # A middleware has changed it.
            its[name] = read
    # Messages can no longer be stored.
    its.pop("_messages", None)
    if isinstance(user := its.get("user"), SimpleLazyObject) and vars(user)["_wrapped"] is not empty:
        # Without the function that has loaded the user.
        request.user = vars(user)["_wrapped"]
    # The file of the request's body, which Django closes.
    request._stream = CLOSED
    # The names of headers, of which Django makes a string for each request.
    request.META = {intern(name): value for name, value in request.META.items()}
    if (match := request.resolver_match) is not None:
        # The URL patterns before the one that matched, for Django's page of a 404.
        match.tried = None
        if not match.args and not match.kwargs:
            request.resolver_match = _matches.setdefault((match.func, match.route, match.view_name), match)


async def frames_of(connection: Connection) -> AsyncGenerator[bytes]:
    """Run a connection and yield its bytes, for a response that is not handed off."""
    pipe: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send(message: Message) -> None:
        if message["body"]:
            pipe.put_nowait(message["body"])
            await pipe.join()

    running = asyncio.ensure_future(connection.run(send))
    running.add_done_callback(lambda _: pipe.put_nowait(None))
    try:
        while (frame := await pipe.get()) is not None:
            yield frame
            pipe.task_done()
    finally:
        connection.on_disconnect()
        await asyncio.wait({running})


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""
