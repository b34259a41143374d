"""The views: `SSEView` for a stream of its own URL, `SSEMixin` for any other class-based view."""

import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
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
from .events import Event, Position, check_event_name, sse_comment, sse_event, sse_retry
from .front import in_front_of
from .hub import get_hub
from .ids import FINISHED, LARGEST_INTEGER, UNUSABLE_ID, IdKind, check_id, fits, is_integer, sent_id
from .publishing import check_channel
from .responses import StreamResponse
from .sources import Followed, Generated, Place, Subscription, reset

logger = logging.getLogger("apps.sse")


class SSEMixin(DOMMixin):
    """
    Streams for a class-based view: `return self.sse_response(self.my_generator(request))`.

    `auto_id`: number the events, going on from the client's last one. `event_id`: what ids are,
    `str`, `int` (at most 18 digits) or `Position`. `event()` refuses other ids, and a `Last-Event-ID`,
    or a `?lastEventId=` where that header is absent, that is not one is answered with `sse:reset`.
    `sse_retry_ms`: the client's reconnection delay, in milliseconds. `sse_keepalive_interval`:
    the seconds of silence after which a comment is sent. `sse_cors`: let pages of other origins
    read what the view answers; `sse_cors_origins`: exactly these, with cookies, or None for all,
    without; pages of other sites get no stream otherwise. `joinable`: tabs of one session may have one
    connection, since a tab that joins this `stream()` late misses nothing; streams of channels always are.
    In the list of base classes it stands before `View`.
    """

    auto_id = True
    event_id: IdKind = str
    sse_retry_ms = 3000
    sse_keepalive_interval: float = 15
    joinable = False
    sse_cors = False
    sse_cors_origins: Sequence[str] | None = None

    request: HttpRequest
    _last_auto_id: int | None = None
    _forgets_id = False
    _place: Place | None = None

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

        Raises `ValueError` for a name that belongs to the client, for an id that is none by
        `event_id`, and as `sse_event` does.
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
        sent = sent_id(request or self.request)
        return sent if not self._forgets_id and fits(sent, self.event_id) else None

    def subscribe(self, *channels: str) -> Subscription:
        """
        Follow channels inside a stream: `async with self.subscribe("news") as events: async for event in events`.

        Each `event` has `channel`, `name` and `data`, and can be yielded as it is. The first one is the
        first after the client's position, or after the opening of the stream if it sent none; of a later
        subscription, after the last event that was taken before.
        """
        if self.event_id is not Position:
            raise ImproperlyConfigured(
                f"{type(self).__name__} subscribes to channels: give it `event_id = Position`, so that a client "
                "that comes back can be given what it has missed."
            )
        return Subscription([check_channel(channel) for channel in channels], self._place or Place(None))

    def sse_response(self, stream: AsyncGenerator[str | Event, None]) -> HttpResponseBase:
        """
        Return the response that sends what the async generator `stream` yields, on any server.

        To a client that has enough streams it is a refusal, and nothing to one that comes back to a
        stream that was finished.
        """
        return self._respond(self._generated(stream))

    def _generated(self, stream: Any, **options: Any) -> Generated:
        if not isinstance(stream, AsyncGenerator):
            if inspect.iscoroutine(stream):
                stream.close()
            raise TypeError(
                f"{type(self).__name__} has to stream from an async generator (`async def` with `yield`), "
                f"not from {stream!r}."
            )
        self._place = Place(self._since()) if self.event_id is Position else None
        return Generated(stream, self._place, joinable=self.joinable, **options)

    def _respond(self, source: Source) -> HttpResponseBase:
        if refused := refuse_foreign(self, self.request):
            return refused
        if sent_id(self.request) == FINISHED:
            return HttpResponse(status=204)
        client, began = limits.client_of(self.request), revocations.take(self.request)
        connection = None
        with limits.admission:
            if refused := limits.refusal(client):
                return refused
            if self.request.method != "HEAD":
                connection = Connection(
                    source,
                    opening=self._opening(),
                    retry_ms=self.sse_retry_ms,
                    keepalive=self.sse_keepalive_interval,
                    client=client,
                    name=f"{type(self).__module__}.{type(self).__qualname__}",
                    began=began,
                )
        keepalive = self.sse_keepalive_interval
        return StreamResponse(self.request, connection, keepalive=keepalive, joinable=source.joinable)

    def _opening(self) -> str:
        opening = sse_retry(self.sse_retry_ms)
        if sent_id(self.request) and self.get_last_event_id() is None:
            opening += reset("unknown-id")
        return opening

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


Afresh = Callable[[Exception], Awaitable["SSEView"]]


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
        if cls._follows(cls.channels):
            cls.event_id = Position

    def __init__(self, **initkwargs: Any) -> None:
        super().__init__(**initkwargs)
        self._initkwargs = initkwargs

    @classonlymethod
    def as_view(cls, **initkwargs):
        """Return the view, as `SSEMixin` does."""
        if cls._follows(initkwargs.get("channels")):
            initkwargs["event_id"] = Position
        # A stream changes nothing, so a POST is answered with 405 rather than with a CSRF failure.
        return csrf_exempt(super().as_view(**initkwargs))

    async def mount(
        self, request: HttpRequest, last_event_id: str | None, *args: Any, **kwargs: Any
    ) -> HttpResponseBase | None:
        """
        Prepare the stream, before the first byte.

        `last_event_id` is valid by `event_id`, or None. Raise `PermissionDenied` or `Http404`, or
        return a response, to refuse. If this method, or `stream()` before its first event, raises
        `ValueError`, `OverflowError`, `ValidationError` or `DataError` while `last_event_id` is no plain
        integer of at most 18 digits, the client gets `sse:reset` and a new instance of the view is given
        None. Written as a plain `def` it runs in a thread, where it may query.
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
        last_id = self.get_last_event_id()
        if last_id is None or is_integer(last_id):
            return await self._answer(None)
        afresh = partial(self._afresh, vars(self).copy())
        try:
            return await self._answer(afresh)
        except UNUSABLE_ID as error:
            return await (await afresh(error))._answer(None)

    async def _answer(self, afresh: Afresh | None) -> HttpResponseBase:
        answer = await self._mount()
        if answer is None and self._follows(self.channels):
            return await self._follow()
        if answer is None:
            restart = None if afresh is None else partial(self._restart, afresh)
            return self._respond(self._generated(self.stream(self.request), restart=restart))
        if not isinstance(answer, HttpResponseBase):
            raise TypeError(f"{type(self).__name__}.mount() returns a response or None, not {answer!r}.")
        # Or a cache could give it to someone whom the stream would be open to.
        answer.headers.setdefault("Cache-Control", "no-cache")
        return answer

    async def _mount(self) -> Any:
        return await _call(self.mount, self.request, self.get_last_event_id(), *self.args, **self.kwargs)

    async def _restart(self, afresh: Afresh, error: Exception) -> Generated:
        fresh = await afresh(error)
        if await fresh._mount() is not None:
            raise error
        return fresh._generated(fresh.stream(fresh.request))

    async def _afresh(self, begun: dict[str, Any], error: Exception) -> "SSEView":
        """Return a new instance, with the attributes of before `mount()`, that ignores the client's id."""
        told = type(self).__name__, sent_id(self.request)[:100], error
        logger.warning("%s: the id %r that a client sent raised %r; it starts without an id.", *told)
        fresh = type(self)(**self._initkwargs)
        await sync_to_async(fresh.setup)(self.request, *self.args, **self.kwargs)
        # What dispatch() has set is kept; what mount() has changed is not.
        vars(fresh).update(begun | vars(fresh), _forgets_id=True)
        return fresh

    @classmethod
    def _follows(cls, channels: Sequence[str] | None) -> bool:
        names_channels = bool(channels) or cls.get_channels is not SSEView.get_channels
        return names_channels and cls.stream is SSEView.stream

    async def _follow(self) -> HttpResponseBase:
        channels = [check_channel(channel) for channel in await _call(self.get_channels, self.request)]
        # Under WSGI the hub is on another loop, and a client is sent away once it has joined.
        if hasattr(self.request, "scope"):
            await get_hub().start()
        return self._respond(Followed(channels, latest=self.follow == "latest", since=self._since()))


async def _call(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a method of the user's, which may be `async def`, or a plain `def` that queries."""
    if not inspect.iscoroutinefunction(function):
        function = sync_to_async(function)
    return await function(*args, **kwargs)
