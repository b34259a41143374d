"""A wrapper around a stream's view: it adds CORS, loads the user, applies the limits and answers errors."""

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import Error, InterfaceError, OperationalError
from django.db import connections as databases
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse

from ..access.identity import client_of, refuse_other_user
from ..access.limits import connection_counts, refuse
from ..access.revocation import started_at
from ..databases import is_invalid_statement, migration_hint
from ..delivery.hub import get_hub
from ..delivery.log import Unavailable
from ..servers.asgi import SCOPE_KEY
from ..stream.connection import Connection
from ..stream.registry import Client
from ..stream.sources import Source
from .cors import CORS

UNAVAILABLE = "Events are not available at the moment."

# One bound method for all connections, which saves memory in each of them.
_remove = connection_counts.remove

logger = logging.getLogger("apps.sse")


class Admission:
    """One request's permission to open a stream: checked and counted once, before `mount()` or at the response."""

    def __init__(self, cors: CORS) -> None:
        self._cors = cors
        self._client: Client | None = None
        self._user: Any = None

    def admit(self, request: HttpRequest) -> HttpResponse | None:
        """Count the stream for the limits, for the request's present user; return the refusal instead, if any."""
        user = getattr(request, "user", None)
        if self._client is not None and user is self._user:
            return None
        if refused := self._cors.before_stream(request):
            return refused
        # `mount()` may have logged in another user.
        self.close()
        self._user, client = user, client_of(request)
        if limit := connection_counts.try_add(client):
            return refuse(limit.status, limit.reason)
        self._client = client
        return None

    def connect(self, request: HttpRequest, source: Source, **options: Any) -> Connection | None:
        """Return the connection of a request that was not refused, None for HEAD. It counts until its release."""
        if request.method == "HEAD":
            self.close()
            return None
        connection = Connection(
            source.play,
            client=self._client or Client(),
            opened_at=started_at(request),
            has_positions=source.has_positions,
            on_release=_remove,
            **options,
        )
        self._client = None
        return connection

    def close(self) -> None:
        """Stop counting a stream that was not opened."""
        client, self._client = self._client, None
        if client is not None:
            _remove(client)


def wrap_view(view: Callable, cors: CORS) -> Callable:
    """Return `view` with CORS, an `Admission` in the request and, if it is async, a user that is loaded before."""
    _check_access_tests(view.view_class)  # type: ignore[attr-defined]
    wrapped = (_wrap_async if inspect.iscoroutinefunction(view) else _wrap_sync)(view, cors)
    # Decorators copy a view's attributes.
    wrapped.is_stream_view = True  # type: ignore[attr-defined]
    return wrapped


def without_traceback(record: logging.LogRecord) -> bool:
    """Remove the traceback from the log record of a refused stream: it adds nothing to the message."""
    view = getattr(getattr(getattr(record, "request", None), "resolver_match", None), "func", None)
    if hasattr(view, "is_stream_view") and record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
        record.exc_info = None
    return True


@contextmanager
def _admission(request: HttpRequest, cors: CORS) -> Iterator[None]:
    if outer := getattr(request, "sse_admission", None):
        # The view that has called this one will probably return its response.
        outer.close()
    try:
        with closing(Admission(cors)) as request.sse_admission:  # type: ignore[attr-defined]
            yield
    finally:
        request.sse_admission = outer  # type: ignore[attr-defined]


def _wrap_sync(view: Callable, cors: CORS) -> Callable:
    @wraps(view)
    def wrapped(request, *args, **kwargs):
        started_at(request)
        if early := cors.before_view(request):
            return early
        try:
            with _admission(request, cors):
                response = refuse_other_user(request) or view(request, *args, **kwargs)
        except (PermissionDenied, Http404) as error:
            response = cors.error_response(request, error)
        return cors.add_headers(request, response)

    return wrapped


def _wrap_async(view: Callable, cors: CORS) -> Callable:
    def call(request, *args, **kwargs):
        if hasattr(request, "session"):
            request.session.keys()
        if hasattr(request, "user"):
            request.user.pk  # noqa: B018
        return _Result(refuse_other_user(request) or view(request, *args, **kwargs))

    @wraps(view)
    async def wrapped(request, *args, **kwargs):
        started_at(request)
        if early := cors.before_view(request):
            return early
        if SCOPE_KEY in getattr(request, "scope", ()):
            # Before the view reads any data, so that a later revocation ends the stream.
            get_hub().start_soon()
        try:
            with _admission(request, cors):
                # In a thread, because Django's access mixins query and respond synchronously.
                result = await sync_to_async(call)(request, *args, **kwargs)
                response = await result.value if inspect.isawaitable(result.value) else result.value
        except (PermissionDenied, Http404) as error:
            response = await sync_to_async(cors.error_response)(request, error)
        except (Error, Unavailable) as error:
            if (response := _error_response(error, request)) is None:
                raise
        return cors.add_headers(request, response)

    # Under ATOMIC_REQUESTS Django refuses async views without this.
    for alias in databases:
        non_atomic_requests(using=alias)(wrapped)
    return wrapped


def _error_response(error: Error | Unavailable, request: HttpRequest) -> HttpResponse | None:
    """
    Return the response to a request that an error has stopped, None if the error is a bug.

    503 with `Retry-After` if the database or the broker does not respond, 500 if the database is not migrated.
    """
    if hint := migration_hint(error.__cause__ if isinstance(error, Unavailable) else error):
        return HttpResponse(f"{hint if settings.DEBUG else UNAVAILABLE}\n", status=500, content_type="text/plain")
    if isinstance(error, Error):
        if not isinstance(error, OperationalError | InterfaceError) or is_invalid_statement(error):
            return None
        logger.error("%s: the database failed. The client will try again.", request.path, exc_info=error)
    return refuse(503, UNAVAILABLE)


class _Result:
    """What a view has returned. A coroutine is closed if the client disconnects before it is awaited."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __del__(self) -> None:
        if inspect.iscoroutine(self.value):
            self.value.close()


def _check_access_tests(cls: type) -> None:
    for name in ("test_func", "has_permission"):
        if inspect.iscoroutinefunction(getattr(cls, name, None)):
            raise TypeError(
                f"{cls.__name__}.{name}() is `async def`. Django would treat its coroutine as true. "
                "Make it a plain `def`: `request.user` is loaded before it runs."
            )
