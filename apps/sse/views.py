"""The views: `SSEView` for a stream of its own URL, `SSEMixin` for any other class-based view."""

import inspect
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.decorators import classonlymethod
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from . import wsgi
from .asgi import SCOPE_KEY, Slot
from .connections import Connection
from .dom import DOMMixin
from .events import check_event_name, is_id, sse_comment, sse_event, sse_retry
from .responses import CONTENT_TYPE, CORS, add_stream_headers, in_front_of, user_pk

INTEGER_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class SSEMixin(DOMMixin):
    """
    Streams for a class-based view: `return self.sse_response(self.my_generator(request))`.

    `auto_id`: number the events, going on from the client's last one. `event_id`: what ids are,
    `int` or `str`; a `Last-Event-ID` that is not one is answered with `sse:reset`.
    `sse_retry_ms`: the client's reconnection delay, in milliseconds. `sse_keepalive_interval`:
    the seconds of silence after which a comment is sent. `sse_cors`: let pages of other origins
    read what the view answers; `sse_cors_origins`: exactly these, with cookies, or None for all,
    without. In the list of base classes it stands before `View`.
    """

    auto_id = True
    event_id: type[int] | type[str] = int
    sse_retry_ms = 3000
    sse_keepalive_interval: float = 15
    sse_cors = False
    sse_cors_origins: Sequence[str] | None = None

    request: HttpRequest
    _last_auto_id: int | None = None

    @classonlymethod
    def as_view(cls, **initkwargs):
        """
        Return the view.

        Before anything of the class runs, its access mixins included, a CORS preflight (which never
        carries a cookie) is answered, and in an async view `request.user` is resolved.
        """
        view = super().as_view(**initkwargs)  # type: ignore[misc]
        return in_front_of(view, CORS(cls(**initkwargs)))

    def event(self, event_type: str, data: Any, id: str | int | None = None) -> str:
        """
        Return an event named `event_type`, to be yielded; `data` is as in `sse_event`.

        Raises `ValueError` for a name that belongs to the client, and as `sse_event` does.
        """
        return sse_event(data, event=check_event_name(event_type), id=self._id(id))

    def data_event(self, data: Any, id: str | int | None = None) -> str:
        """Return an event without a name, which clients hear as `message`."""
        return sse_event(data, id=self._id(id))

    def keepalive(self) -> str:
        """Return a comment that keeps the connection busy; silence is filled by itself."""
        return sse_comment("keepalive")

    def get_last_event_id(self, request: HttpRequest | None = None) -> str | None:
        """Return the id of the last event that this client has seen, or None if it sent no valid one."""
        sent = _sent_id(request or self.request)
        return sent if sent and self._is_id(sent) else None

    def sse_response(self, stream: AsyncGenerator[str, None]) -> StreamingHttpResponse:
        """Return the response that sends what the async generator `stream` yields, on any server."""
        if not isinstance(stream, AsyncGenerator):
            if inspect.iscoroutine(stream):
                stream.close()
            raise TypeError(
                f"{type(self).__name__} has to stream from an async generator (`async def` with `yield`), "
                f"not from {stream!r}."
            )
        response = StreamResponse(content_type=CONTENT_TYPE)
        response.streaming_content = response.unwrapped = self._body(stream, response)
        add_stream_headers(response, keepalive=self.sse_keepalive_interval)
        return response

    def _body(
        self, stream: AsyncGenerator[str], response: "StreamResponse"
    ) -> Iterator[bytes] | AsyncIterator[bytes]:
        request = self.request
        scope = getattr(request, "scope", None)
        if request.method == "HEAD":
            return iter(()) if scope is None else _nothing()
        connection = Connection(
            stream,
            opening=self._opening(request),
            retry_ms=self.sse_retry_ms,
            keepalive=self.sse_keepalive_interval,
            user_pk=user_pk(request),
            name=f"{type(self).__module__}.{type(self).__qualname__}",
        )
        if scope is None:
            return wsgi.iterate(connection)
        return _asgi_body(scope.get(SCOPE_KEY), connection, response)

    def _opening(self, request: HttpRequest) -> str:
        opening = sse_retry(self.sse_retry_ms)
        if _sent_id(request) and self.get_last_event_id(request) is None:
            opening += sse_event({"reason": "unknown-id"}, event="sse:reset")
        return opening

    def _id(self, given: str | int | None) -> str | int | None:
        if given is not None or not self.auto_id:
            return given
        if self._last_auto_id is None:
            seen = self.get_last_event_id() if hasattr(self, "request") else None
            self._last_auto_id = int(seen) if seen and INTEGER_ID.fullmatch(seen) else 0
        self._last_auto_id += 1
        return self._last_auto_id

    def _is_id(self, text: str) -> bool:
        if self.event_id is int:
            return INTEGER_ID.fullmatch(text) is not None
        return is_id(text)


class SSEView(SSEMixin, View):
    """
    A stream at a URL of its own: override `stream()`, and `mount()` to prepare or refuse it.

    `request.user` is resolved before anything of yours runs. Under `apps.sse.asgi.hand_off` an
    open stream costs no thread and no database connection.
    """

    http_method_names = ["get", "head", "options"]

    @classonlymethod
    def as_view(cls, **initkwargs):
        """Return the view, as `SSEMixin` does."""
        # A stream changes nothing, so a POST is answered with 405 rather than with a CSRF failure.
        return csrf_exempt(super().as_view(**initkwargs))

    async def mount(
        self, request: HttpRequest, last_event_id: str | None, *args: Any, **kwargs: Any
    ) -> HttpResponseBase | None:
        """
        Prepare the stream, before the first byte.

        `last_event_id` is valid by `event_id`, or None. Raise `PermissionDenied` or `Http404`, or
        return a response, to refuse. Written as a plain `def` it runs in a thread, where it may
        query.
        """

    def stream(self, request: HttpRequest) -> AsyncGenerator[str]:
        """Yield events: an async generator. Its `finally` runs whichever way the stream ends."""
        raise ImproperlyConfigured(
            f"{type(self).__name__} has no stream(): write an async generator, "
            "`async def stream(self, request)`, that yields self.event(name, data)."
        )

    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer with the stream, or with what `mount()` answered instead."""
        mount = self.mount if inspect.iscoroutinefunction(self.mount) else sync_to_async(self.mount)
        answer = await mount(request, self.get_last_event_id(request), *args, **kwargs)
        if answer is None:
            return self.sse_response(self.stream(request))
        if not isinstance(answer, HttpResponseBase):
            raise TypeError(f"{type(self).__name__}.mount() returns a response or None, not {answer!r}.")
        # Or a cache could give it to someone whom the stream would be open to.
        answer.headers.setdefault("Cache-Control", "no-cache")
        return answer


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


class StreamResponse(StreamingHttpResponse):
    """A response that knows whether a middleware has wrapped its content, as `GZipMiddleware` does."""

    unwrapped: Any = None

    @property
    def is_wrapped(self) -> bool:
        return self._iterator is not self.unwrapped  # type: ignore[attr-defined]


async def _asgi_body(slot: Slot | None, connection: Connection, response: StreamResponse) -> AsyncGenerator[bytes]:
    # Who has wrapped the content wants to see it: such a stream stays with Django.
    if slot is not None and not response.is_wrapped:
        slot.connection = connection
        return
    async with aclosing(connection.frames()) as frames:
        async for frame in frames:
            yield frame


def _sent_id(request: HttpRequest) -> str:
    # Servers decode a header as Latin-1; what is not UTF-8 is then no id of any kind.
    sent = request.headers.get("Last-Event-ID", "")
    return sent.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
