"""A wrapper around a stream's view: it adds CORS, loads the user and answers errors."""

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.handlers.exception import response_for_exception
from django.db import Error, InterfaceError, OperationalError
from django.db import connections as databases
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse

from ..access.identity import refuse_other_user
from ..access.limits import refuse
from ..access.revocation import started_at
from ..databases import is_invalid_statement, migration_hint
from ..delivery.hub import get_hub
from ..delivery.log import Unavailable
from ..servers.asgi import SCOPE_KEY
from . import cors

UNAVAILABLE = "Events are not available at the moment."

logger = logging.getLogger("apps.sse")


def wrap_view(view: Callable, its: Any, *, only_streams: bool) -> Callable:
    """
    Return `view` with the CORS of `its`, an instance, and, if it is async, a user that is loaded before.

    `only_streams`: it answers with streams only, so that requests from other sites are refused before any query.
    """

    def answer_early(request: HttpRequest) -> HttpResponse | None:
        started_at(request)
        preflight = cors.answer_preflight(its, request)
        return cors.refuse_cross_site(its, request) if only_streams and preflight is None else preflight

    _check_access_tests(type(its))
    cors.check_origins(its)
    wrapped = (_wrap_async if inspect.iscoroutinefunction(view) else _wrap_sync)(view, its, answer_early)
    # Decorators copy a view's attributes.
    wrapped.is_stream_view = True  # type: ignore[attr-defined]
    return wrapped


def without_traceback(record: logging.LogRecord) -> bool:
    """Remove the traceback from the log record of a refused stream: it adds nothing to the message."""
    view = getattr(getattr(getattr(record, "request", None), "resolver_match", None), "func", None)
    if hasattr(view, "is_stream_view") and record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
        record.exc_info = None
    return True


def _wrap_sync(view: Callable, its: Any, answer_early: Callable) -> Callable:
    @wraps(view)
    def wrapped(request, *args, **kwargs):
        if early := answer_early(request):
            return early
        try:
            response = refuse_other_user(request) or view(request, *args, **kwargs)
        except (PermissionDenied, Http404) as error:
            response = _error_response(its, request, error)
        return cors.add_headers(its, request, response)

    return wrapped


def _wrap_async(view: Callable, its: Any, answer_early: Callable) -> Callable:
    def call(request, *args, **kwargs):
        if hasattr(request, "session"):
            request.session.keys()
        if hasattr(request, "user"):
            request.user.pk  # noqa: B018
        return _Result(refuse_other_user(request) or view(request, *args, **kwargs))

    @wraps(view)
    async def wrapped(request, *args, **kwargs):
        if early := answer_early(request):
            return early
        if SCOPE_KEY in getattr(request, "scope", ()):
            # Before the view reads any data, so that a later revocation ends the stream.
            get_hub().start_soon()
        try:
            # In a thread, because Django's access mixins query and respond synchronously.
            result = await sync_to_async(call)(request, *args, **kwargs)
            response = await result.value if inspect.isawaitable(result.value) else result.value
        except (PermissionDenied, Http404, Error, Unavailable) as error:
            response = await sync_to_async(_error_response)(its, request, error)
        return cors.add_headers(its, request, response)

    # Under ATOMIC_REQUESTS Django refuses async views without this.
    for alias in databases:
        non_atomic_requests(using=alias)(wrapped)
    return wrapped


def _error_response(its: Any, request: HttpRequest, error: Exception) -> HttpResponse:
    """
    Return the response to a request that an error has stopped; raise the error if it is Django's to handle.

    503 with `Retry-After` if the database or the broker does not respond, 500 if the database is not migrated.
    A refusal of a view with CORS gets a response here, which needs headers.
    """
    if isinstance(error, PermissionDenied | Http404):
        if its.sse_cors:
            return response_for_exception(request, error)
        raise error
    if hint := migration_hint(error.__cause__ if isinstance(error, Unavailable) else error):
        return HttpResponse(f"{hint if settings.DEBUG else UNAVAILABLE}\n", status=500, content_type="text/plain")
    if isinstance(error, Error):
        if not isinstance(error, OperationalError | InterfaceError) or is_invalid_statement(error):
            raise error
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
