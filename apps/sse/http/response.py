"""The response that carries a stream: its headers, and its body on each kind of server."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

from ..asgi import SCOPE_KEY, Slot
from ..servers import wsgi
from ..stream.connection import Connection, Joinable

CONTENT_TYPE = "text/event-stream; charset=utf-8"


class StreamResponse(StreamingHttpResponse):
    """
    The stream of a `connection`, neither cached, buffered nor transformed on its way.

    `joinable` says whether other tabs can join it: by replay, as `latest`, or not at all (None).
    Without a connection it has the headers alone, as an answer to HEAD.
    """

    def __init__(
        self, request: HttpRequest, connection: Connection | None, *, keepalive: float, joinable: Joinable
    ) -> None:
        super().__init__(content_type=CONTENT_TYPE)
        self.headers["Cache-Control"] = "no-cache, no-transform"
        self.headers["X-Accel-Buffering"] = "no"
        self.headers["SSE-Keepalive"] = f"{keepalive:g}"
        if joinable:
            self.headers["SSE-Joinable"] = joinable
        self._unwrapped = self.streaming_content = self._body(getattr(request, "scope", None), connection)

    @property
    def is_wrapped(self) -> bool:
        """Whether a middleware has wrapped the content, as `GZipMiddleware` does."""
        return self._iterator is not self._unwrapped  # type: ignore[attr-defined]

    def _body(
        self, scope: dict[str, Any] | None, connection: Connection | None
    ) -> Iterator[bytes] | AsyncIterator[bytes]:
        if connection is None:
            return iter(()) if scope is None else _nothing()
        if scope is None:
            return wsgi.Body(connection)
        if (slot := scope.get(SCOPE_KEY)) is None:
            return connection.frames()
        slot.offered = connection
        return _handed_off(slot, connection, self)


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


async def _handed_off(slot: Slot, connection: Connection, response: StreamResponse) -> AsyncGenerator[bytes]:
    # A middleware that has wrapped the content has to see it: such a stream stays with Django.
    if not response.is_wrapped:
        slot.connection = connection
        return
    async with aclosing(connection.frames()) as frames:
        async for frame in frames:
            yield frame
