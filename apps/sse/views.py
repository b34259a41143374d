"""The views: `SSEView` for a stream of its own URL, `SSEMixin` for any other class-based view."""

import inspect
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import classonlymethod
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from . import limits, revocations
from .connection import Connection, Source
from .cors import CORS, refuse_foreign
from .dom import DOMMixin
from .events import Event, Position, check_event_name, is_id, sse_comment, sse_event, sse_retry
from .front import in_front_of
from .hub import get_hub
from .log import Unavailable
from .publishing import check_channel
from .responses import StreamResponse
from .sources import FINISHED, Followed, Generated, Subscription, reset

INTEGER_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class SSEMixin(DOMMixin):
    """
    Streams for a class-based view: `return self.sse_response(self.my_generator(request))`.

    `auto_id`: number the events, going on from the client's last one. `event_id`: what ids are,
    `int`, `str` or `Position`; a `Last-Event-ID` that is not one is answered with `sse:reset`.
    `sse_retry_ms`: the client's reconnection delay, in milliseconds. `sse_keepalive_interval`:
    the seconds of silence after which a comment is sent. `sse_cors`: let pages of other origins
    read what the view answers; `sse_cors_origins`: exactly these, with cookies, or None for all,
    without; pages of other sites get no stream otherwise. In the list of base classes it stands before `View`.
    """

    auto_id = True
    event_id: type[int] | type[str] | type[Position] = int
    sse_retry_ms = 3000
    sse_keepalive_interval: float = 15
    sse_cors = False
    sse_cors_origins: Sequence[str] | None = None

    request: HttpRequest
    _last_auto_id: int | None = None
    _connection: Connection | None = None

    @classonlymethod
    def as_view(cls, **initkwargs):
        """
        Return the view.

        Before anything of the class runs, its access mixins included, a CORS preflight (which never
        carries a cookie) is answered, and in an async view `request.user` is resolved.
        """
        view = super().as_view(**initkwargs)  # type: ignore[misc]
        return in_front_of(view, CORS(cls(**initkwargs), only_streams=issubclass(cls, SSEView)))

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

    def subscribe(self, *channels: str) -> Subscription:
        """
        Follow channels inside a stream: `async with self.subscribe("news") as events: async for event in events`.

        Each `event` has `channel`, `name` and `data`, and can be yielded as it is. With
        `event_id = Position` a client that comes back is given what it has missed.
        """
        if self.event_id is not Position:
            raise ImproperlyConfigured(
                f"{type(self).__name__} subscribes to channels: give it `event_id = Position`, so that a client "
                "that comes back can be given what it has missed."
            )
        since = Position.parse(_sent_id(self.request))
        return Subscription([check_channel(channel) for channel in channels], since, self._tell_gap)

    def sse_response(self, stream: AsyncGenerator[str | Event, None]) -> HttpResponseBase:
        """
        Return the response that sends what the async generator `stream` yields, on any server.

        To a client that has enough streams it is a refusal, and nothing to one that comes back to a
        stream that was finished.
        """
        if not isinstance(stream, AsyncGenerator):
            if inspect.iscoroutine(stream):
                stream.close()
            raise TypeError(
                f"{type(self).__name__} has to stream from an async generator (`async def` with `yield`), "
                f"not from {stream!r}."
            )
        return self._respond(Generated(stream, has_ids=self.auto_id))

    def _respond(self, source: Source) -> HttpResponseBase:
        if refused := refuse_foreign(self, self.request):
            return refused
        if _sent_id(self.request) == FINISHED:
            return HttpResponse(status=204)
        client, began = limits.client_of(self.request), revocations.take(self.request)
        with limits.admission:
            if refused := limits.refusal(client):
                return refused
            if self.request.method != "HEAD":
                self._connection = Connection(
                    source,
                    opening=self._opening(self.request),
                    retry_ms=self.sse_retry_ms,
                    keepalive=self.sse_keepalive_interval,
                    client=client,
                    name=f"{type(self).__module__}.{type(self).__qualname__}",
                    began=began,
                )
        return StreamResponse(self.request, self._connection, keepalive=self.sse_keepalive_interval)

    def _tell_gap(self) -> None:
        if self._connection is not None:
            self._connection.write(reset("gap").encode())

    def _opening(self, request: HttpRequest) -> str:
        opening = sse_retry(self.sse_retry_ms)
        if _sent_id(request) and self.get_last_event_id(request) is None:
            opening += reset("unknown-id")
        return opening

    def _id(self, given: str | int | None) -> str | int | None:
        if given is not None or not self.auto_id or self.event_id is Position:
            return given
        if self._last_auto_id is None:
            seen = self.get_last_event_id() if hasattr(self, "request") else None
            self._last_auto_id = int(seen) if seen and INTEGER_ID.fullmatch(seen) else 0
        self._last_auto_id += 1
        return self._last_auto_id

    def _is_id(self, text: str) -> bool:
        if self.event_id is int:
            return INTEGER_ID.fullmatch(text) is not None
        return is_id(text) if self.event_id is str else Position.parse(text) is not None


class SSEView(SSEMixin, View):
    """
    A stream at a URL of its own: of `channels`, or of what an overridden `stream()` yields.

    Override `mount()` to prepare or refuse it; `request.user` is resolved before anything of yours
    runs. `follow`: give a client every event of the channels, those included that it missed while
    it was away (`"every"`), or only the newest of each channel (`"latest"`). Under
    `apps.sse.asgi.hand_off` an open stream costs no thread and no database connection.
    """

    http_method_names = ["get", "head", "options"]

    channels: Sequence[str] = ()
    follow: Literal["every", "latest"] = "every"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls._follows_channels():
            cls.event_id = Position

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

    def get_channels(self, request: HttpRequest) -> Sequence[str]:
        """
        Return the names of the channels that this client may hear: `channels`, if not overridden.

        Written as a plain `def` it runs in a thread, where it may query; it may be `async def`, too.
        """
        return self.channels

    def stream(self, request: HttpRequest) -> AsyncGenerator[str | Event]:
        """Yield events: an async generator. Its `finally` runs whichever way the stream ends."""
        raise ImproperlyConfigured(
            f"{type(self).__name__} has neither channels nor a stream(): name `channels`, or write an async "
            "generator, `async def stream(self, request)`, that yields self.event(name, data)."
        )

    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer with the stream, or with what `mount()` answered instead."""
        if refused := limits.refusal(limits.client_of(request)):
            return refused
        answer = await _call(self.mount, request, self.get_last_event_id(request), *args, **kwargs)
        if answer is None:
            return await self._follow() if self._follows_channels() else self.sse_response(self.stream(request))
        if not isinstance(answer, HttpResponseBase):
            raise TypeError(f"{type(self).__name__}.mount() returns a response or None, not {answer!r}.")
        # Or a cache could give it to someone whom the stream would be open to.
        answer.headers.setdefault("Cache-Control", "no-cache")
        return answer

    @classmethod
    def _follows_channels(cls) -> bool:
        names_channels = bool(cls.channels) or cls.get_channels is not SSEView.get_channels
        return names_channels and cls.stream is SSEView.stream

    async def _follow(self) -> HttpResponseBase:
        channels = [check_channel(channel) for channel in await _call(self.get_channels, self.request)]
        try:
            # Under WSGI the hub is on another loop, and a client is sent away once it has joined.
            if hasattr(self.request, "scope"):
                await get_hub().start()
        except Unavailable:
            return limits.refuse(503, "Events cannot be had at the moment.")
        since = Position.parse(_sent_id(self.request))
        return self._respond(Followed(channels, latest=self.follow == "latest", since=since))


async def _call(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a method of the user's, which may be `async def`, or a plain `def` that queries."""
    if not inspect.iscoroutinefunction(function):
        function = sync_to_async(function)
    return await function(*args, **kwargs)


def _sent_id(request: HttpRequest) -> str:
    # Servers decode a header as Latin-1; what is not UTF-8 is then no id of any kind.
    sent = request.headers.get("Last-Event-ID", "")
    return sent.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
