"""How a view answers beside its stream: headers, CORS, and what comes before the view runs."""

import inspect
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.handlers.exception import response_for_exception
from django.db import connections as databases
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

CONTENT_TYPE = "text/event-stream; charset=utf-8"
PREFLIGHT_SECONDS = 600

# As browsers write an `Origin`: lower case, no path, and never the opaque "null".
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\sA-Z*]+")


def add_stream_headers(response: HttpResponseBase, *, keepalive: float) -> None:
    """Say that the response is a stream that is neither cached, buffered nor transformed on its way."""
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["SSE-Keepalive"] = f"{keepalive:g}"


class CORSView(Protocol):
    """A view that says who may read it: no other origin, exactly these with cookies, or (None) all without."""

    sse_cors: bool
    sse_cors_origins: Sequence[str] | None


class CORS:
    """
    The Fetch standard's CORS protocol, for all that a view answers.

    Raises `ImproperlyConfigured` for origins that no browser would ever send.
    """

    def __init__(self, view: CORSView) -> None:
        self._view = view
        _check(view.sse_cors_origins)

    def preflight(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a preflight, which allows what `DjustSSE` sends; None for other requests."""
        asked = {"Origin", "Access-Control-Request-Method"} <= {*request.headers}
        if not self._view.sse_cors or request.method != "OPTIONS" or not asked:
            return None
        response = HttpResponse(status=204)
        if self._allow(request, response):
            response.headers["Access-Control-Allow-Methods"] = "GET"
            response.headers["Access-Control-Allow-Headers"] = "Last-Event-ID, Cache-Control"
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response

    def add_headers[Response: HttpResponseBase](self, request: HttpRequest, response: Response) -> Response:
        """Return the response with the headers by which pages of the allowed origins can read it."""
        if self._view.sse_cors and self._allow(request, response):
            response.headers["Access-Control-Expose-Headers"] = "Retry-After, SSE-Keepalive"
        return response

    def refusal(self, request: HttpRequest, error: Exception) -> HttpResponseBase:
        """Return Django's response to an exception, so that it can be given headers; raise it if it needs none."""
        if not self._view.sse_cors:
            raise error
        return response_for_exception(request, error)

    def _allow(self, request: HttpRequest, response: HttpResponseBase) -> bool:
        origins = self._view.sse_cors_origins
        if origins is None:
            response.headers["Access-Control-Allow-Origin"] = "*"
            return True
        patch_vary_headers(response, ["Origin"])
        if request.headers.get("Origin") not in origins:
            return False
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Allow-Credentials"] = "true"
        return True


def _check(origins: Sequence[str] | None) -> None:
    if isinstance(origins, str):
        raise ImproperlyConfigured(f"sse_cors_origins is a list of origins or None, not the string {origins!r}.")
    for origin in origins or ():
        if not _ORIGIN.fullmatch(origin):
            raise ImproperlyConfigured(
                f"sse_cors_origins holds {origin!r}, which no browser sends as an Origin: write it as in "
                "'https://example.com' or 'http://localhost:8000', in lower case, without a path."
            )


def in_front_of(view: Callable, cors: CORS) -> Callable:
    """Return `view` behind its preflights, with its user resolved if it is async, and with CORS headers."""
    _check_access_tests(view.view_class)  # type: ignore[attr-defined]
    return (_async_front if inspect.iscoroutinefunction(view) else _front)(view, cors)


def user_pk(request: HttpRequest) -> Any:
    """Return the primary key of the signed-in user, or None; the first time it may query."""
    user = getattr(request, "user", None)
    return user.pk if user is not None else None


def _front(view: Callable, cors: CORS) -> Callable:
    @wraps(view)
    def front(request, *args, **kwargs):
        if preflight := cors.preflight(request):
            return preflight
        try:
            answer = view(request, *args, **kwargs)
        except (PermissionDenied, Http404) as error:
            answer = cors.refusal(request, error)
        return cors.add_headers(request, answer)

    return front


def _async_front(view: Callable, cors: CORS) -> Callable:
    def begin(request, *args, **kwargs):
        _resolve_user(request)
        return view(request, *args, **kwargs)

    @wraps(view)
    async def front(request, *args, **kwargs):
        if preflight := cors.preflight(request):
            return preflight
        try:
            # In a thread, as Django's access mixins query, and answer, synchronously.
            answer = await sync_to_async(begin)(request, *args, **kwargs)
            answer = await answer if inspect.isawaitable(answer) else answer
        except (PermissionDenied, Http404) as error:
            answer = await sync_to_async(cors.refusal)(request, error)
        return cors.add_headers(request, answer)

    # Under ATOMIC_REQUESTS Django refuses an async view that does not ask to be left out.
    for alias in databases:
        non_atomic_requests(using=alias)(front)
    return front


def _check_access_tests(cls: type) -> None:
    for name in ("test_func", "has_permission"):
        if inspect.iscoroutinefunction(getattr(cls, name, None)):
            raise TypeError(
                f"{cls.__name__}.{name}() is `async def`: Django would take its coroutine for a yes. "
                "Write a plain `def`; `request.user` is resolved before it runs."
            )


def _resolve_user(request: HttpRequest) -> None:
    if hasattr(request, "session"):
        request.session.keys()
    user_pk(request)
