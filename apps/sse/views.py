"""The views: `SSEView` for a stream with its own URL, `SSEMixin` for any other class-based view."""

import inspect
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import classonlymethod
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from .access.identity import client_of
from .access.limits import connection_counts, refuse
from .access.revocation import started_at
from .delivery.hub import get_hub
from .http.cors import refuse_cross_site
from .http.response import StreamResponse
from .http.view_wrapper import awaited, wrap_view
from .publishing import check_channel
from .servers.asgi import SCOPE_KEY
from .stream.connection import Connection, reset_frame
from .stream.sources import ChannelSource, GeneratorSource, Source
from .stream.subscription import StreamStart, Subscription
from .wire.dom import DOMMixin
from .wire.events import Event, Position, check_event_name, sse_comment, sse_event, sse_retry
from .wire.ids import FINISHED, ID_ERRORS, LARGEST_INTEGER, IdKind, check_id, fits, is_integer, sent_id

# One bound method for all connections, which saves memory in each of them.
_remove = connection_counts.remove

logger = logging.getLogger("apps.sse")


class SSEMixin(DOMMixin):
    """
    Streams for a class-based view: `return self.sse_response(self.my_generator(request))`.

    List it before `View` in the base classes. Its attributes:
    `auto_id`: number the events, continuing after the client's last id.
    `event_id`: the type of ids, `str`, `int` (at most 18 digits) or `Position`. `event()` refuses
    other ids. A client that sends an invalid one, as `Last-Event-ID` or `?lastEventId=`, gets `sse:reset`.
    `sse_retry_ms`: the client's reconnection delay, in milliseconds.
    `sse_keepalive_interval`: send a comment after this many seconds of silence.
    `sse_compress`: compress with gzip; see *Compression* in README.md for when not to.
    `sse_cors`: allow pages of other origins to read the response. Other sites are refused otherwise.
    `sse_cors_origins`: the allowed origins, which may send cookies, or None for all, without cookies.
    `joinable`: tabs of one session may share a connection, because a tab that joins this `stream()`
    late misses nothing; with `"latest"` it opens again for such a tab, because it begins with all that is
    shown. Streams of channels are always joinable.
    """

    auto_id = True
    event_id: IdKind = str
    sse_retry_ms = 3000
    sse_keepalive_interval: float = 15
    joinable: bool | Literal["latest"] = False
    sse_compress = False
    sse_cors = False
    sse_cors_origins: Sequence[str] | None = None

    request: HttpRequest
    _last_auto_id: int | None = None
    _ignores_id = False
    _start: StreamStart | None = None

    @classonlymethod
    def as_view(cls, **initkwargs):
        """Return the view. An async one has `request.user` loaded before access mixins and its own code run."""
        view, only_streams = super().as_view(**initkwargs), issubclass(cls, SSEView)  # type: ignore[misc]
        wrapped = wrap_view(view, cls(**initkwargs), only_streams=only_streams)
        # A stream changes nothing, so a POST is answered with 405 rather than with a CSRF failure.
        return csrf_exempt(wrapped) if only_streams else wrapped

    def event(self, event_type: str, data: Any, id: str | int | None = None) -> str:
        """
        Return an event named `event_type`, to be yielded. `data` is as in `sse_event`.
        Raises `ValueError` for a name reserved for the client and for an id that does not match
        `event_id`; otherwise as `sse_event`.
        """
        return sse_event(data, event=check_event_name(event_type), id=self._id(id))

    def data_event(self, data: Any, id: str | int | None = None) -> str:
        """Return an event without a name, which clients receive as `message`."""
        return sse_event(data, id=self._id(id))

    def keepalive(self) -> str:
        """Return a keepalive comment. Keepalives are also sent automatically during silence."""
        return sse_comment("keepalive")

    def get_last_event_id(self, request: HttpRequest | None = None) -> str | None:
        """Return the client's last event id, or None if it sent no valid one."""
        sent = sent_id(request or self.request)
        return sent if not self._ignores_id and fits(sent, self.event_id) else None

    def subscribe(self, *channels: str) -> Subscription:
        """
        Follow channels inside a stream: `async with self.subscribe("news") as events: async for event in events`.

        Each `event` has `channel`, `name` and `data`, and can be yielded as it is. The subscription starts
        after the client's position, or at the opening of the stream if the client sent none. A later
        subscription starts after the last event taken from the one before.
        Raises `ImproperlyConfigured` unless the view has `event_id = Position`.
        """
        if self.event_id is not Position:
            raise ImproperlyConfigured(
                f"{type(self).__name__} subscribes to channels. Set `event_id = Position` on it, so that clients "
                "that reconnect get what they missed."
            )
        return Subscription([check_channel(channel) for channel in channels], self._start or StreamStart(None))

    def sse_response(self, stream: AsyncGenerator[str | Event, None]) -> HttpResponseBase:
        """
        Return the response that streams what the async generator `stream` yields, under ASGI and WSGI.

        It is a 429 or 503 if a limit of open streams is reached, and a 204 if the client had received
        this stream to its end.
        Raises `TypeError` if `stream` is not an async generator.
        """
        return self._respond(self._generated(stream))

    def _generated(self, stream: Any, **options: Any) -> GeneratorSource:
        if not isinstance(stream, AsyncGenerator):
            if inspect.iscoroutine(stream):
                stream.close()
            raise TypeError(
                f"{type(self).__name__} must stream from an async generator (`async def` with `yield`), "
                f"not from {stream!r}."
            )
        self._start = StreamStart(self._since()) if self.event_id is Position else None
        return GeneratorSource(stream, self._start, joinable=self.joinable, **options)

    def _respond(self, source: Source) -> HttpResponseBase:
        request, keepalive, opening = self.request, self.sse_keepalive_interval, sse_retry(self.sse_retry_ms)
        if sent_id(request) == FINISHED:
            return HttpResponse(status=204)
        if refused := refuse_cross_site(self, request):
            return refused
        # Of the request's present user, because `mount()` may have logged in another one.
        client = client_of(request)
        if limit := connection_counts.try_add(client):
            return refuse(limit.status, limit.reason)
        connection = Connection(
            source.play,
            opening=opening,
            retry_ms=self.sse_retry_ms,
            keepalive=keepalive,
            client=client,
            name=sys.intern(f"{type(self).__module__}.{type(self).__qualname__}"),
            has_positions=source.has_positions,
            opened_at=started_at(request),
            on_release=_remove,
        )
        if sent_id(request) and self.get_last_event_id() is None:
            connection.opening += reset_frame("unknown-id")
        opened = None if request.method == "HEAD" else connection
        return StreamResponse(request, opened, source, keepalive=keepalive, compress=self.sse_compress)

    def _since(self) -> Position | None:
        return Position.parse(self.get_last_event_id() or "")

    def _id(self, given: str | int | None) -> str | int | None:
        if given is not None:
            return check_id(given, self.event_id)
        if not self.auto_id or self.event_id is Position:
            return None
        if self._last_auto_id is None:
            seen = self.get_last_event_id() if hasattr(self, "request") else None
            self._last_auto_id = int(seen) if seen and is_integer(seen) else 0
        self._last_auto_id = self._last_auto_id % LARGEST_INTEGER + 1
        return self._last_auto_id


class SSEView(SSEMixin, View):
    """
    A stream with its own URL: the events of `channels`, or what an overridden `stream()` yields.

    Override `mount()` to prepare or refuse the stream. `request.user` is loaded before your code
    runs. `follow`: `"every"` sends a client every event of the channels, including those it missed;
    `"latest"` sends only the newest event of each channel. Under `apps.sse.asgi.hand_off` an open
    stream needs no thread and no database connection.
    """

    http_method_names = ["get", "head", "options"]

    channels: Sequence[str] = ()
    follow: Literal["every", "latest"] = "every"
    _before_mount: dict[str, Any] | None = None

    def __init__(self, **initkwargs: Any) -> None:
        super().__init__(**initkwargs)
        if self._follows():
            self.event_id = Position

    async def mount(
        self, request: HttpRequest, last_event_id: str | None, *args: Any, **kwargs: Any
    ) -> HttpResponseBase | None:
        """
        Prepare the stream before its first byte.

        To refuse it, raise `PermissionDenied` or `Http404`, or return a response. A plain `def` runs in
        a thread, where it may query.

        `last_event_id` is valid for `event_id`, or None. If it is a text that your code cannot use, and
        this method, or `stream()` before its first event, raises `ValueError`, `OverflowError`,
        `ValidationError` or `DataError`, the client gets `sse:reset`, and this method runs again with
        None, without the attributes that it has set. This does not apply to integers of at most 18
        digits: an error that they cause is a 500.
        """

    def get_channels(self, request: HttpRequest) -> Sequence[str] | Awaitable[Sequence[str]]:
        """
        Return the channels that this client follows; `channels` unless overridden.

        A plain `def` runs in a thread, where it may query. It may also be `async def`.
        """
        return self.channels

    def stream(self, request: HttpRequest) -> AsyncGenerator[str | Event]:
        """Yield events: an async generator. Its `finally` runs however the stream ends."""
        raise ImproperlyConfigured(
            f"{type(self).__name__} has neither channels nor a stream(). Set `channels`, or write an async "
            "generator, `async def stream(self, request)`, that yields self.event(name, data)."
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the stream, or the response of `mount()` instead."""
        if limit := connection_counts.exceeded(client_of(request)):
            return refuse(limit.status, limit.reason)
        last_id = self.get_last_event_id()
        if last_id is not None and not is_integer(last_id):
            self._before_mount = vars(self).copy()
        try:
            return self._open()
        except ID_ERRORS as error:
            self._ignore_id(error)
            return self._open()

    def _open(self) -> HttpResponseBase:
        response = self._mount()
        if isinstance(response, HttpResponseBase):
            # A cache must not serve a refusal to a client that may open the stream.
            response.headers.setdefault("Cache-Control", "no-cache")
            return response
        if response is not None:
            raise TypeError(f"{type(self).__name__}.mount() must return a response or None, not {response!r}.")
        if not self._follows():
            restart = None if self._before_mount is None else self._restart
            return self._respond(self._generated(self.stream(self.request), restart=restart))
        channels = [check_channel(name) for name in awaited(self.get_channels(self.request))]
        # Raises before the first byte if events cannot be read. Under WSGI the hub runs on another loop.
        scope = getattr(self.request, "scope", None)
        if scope and not (SCOPE_KEY in scope and scope[SCOPE_KEY].is_log_followed()):
            awaited(_start_hub())
        return self._respond(ChannelSource(channels, latest=self.follow == "latest", since=self._since()))

    def _mount(self) -> Any:
        if type(self).mount is SSEView.mount:
            return None
        return awaited(self.mount(self.request, self.get_last_event_id(), *self.args, **self.kwargs))

    async def _restart(self, error: Exception) -> GeneratorSource:
        self._ignore_id(error)
        if await sync_to_async(self._mount)() is not None:
            raise error
        return self._generated(self.stream(self.request))

    def _ignore_id(self, error: Exception) -> None:
        """Go back to before `mount()`, and ignore the client's id; raise `error` if the id cannot be its cause."""
        if self._before_mount is None:
            raise error
        text = "%s: a client's id %r raised %r. The stream starts without an id."
        logger.warning(text, type(self).__name__, sent_id(self.request)[:100], error)
        before = self._before_mount
        vars(self).clear()
        vars(self).update(before, _ignores_id=True)

    def _follows(self) -> bool:
        names_channels = bool(self.channels) or type(self).get_channels is not SSEView.get_channels
        return names_channels and type(self).stream is SSEView.stream


async def _start_hub() -> None:
    await get_hub().start()
