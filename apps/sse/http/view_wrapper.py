"""A wrapper around a stream's view: it adds CORS, loads the user and answers errors."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.handlers.exception import response_for_exception
from django.db import Error
from django.db import connections as databases
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse

from ..access.identity import refuse_other_user
from ..access.limits import refuse
from ..access.revocation import started_at
from ..databases import is_away, migration_hint, refusals
from ..delivery.log import Unavailable
from ..servers.asgi import SCOPE_KEY
from . import cors

UNAVAILABLE = "Events are not available at the moment."

logger = logging.getLogger("apps.sse")


def wrap_view(view: Callable, its: Any, *, only_streams: bool) -> Callable:
    """
    Return the `view` of a class with the CORS of `its`, an instance, and a user that is loaded if it is async.

    It is synchronous even then, so that Django calls it in the thread of the middleware. Async code may await it.
    `only_streams`: it answers with streams only, so that requests from other sites are refused before any query.
    """
    cls: Any = type(its)
    _check_access_tests(cls)
    cors.check_origins(its)
    is_async = only_streams or inspect.iscoroutinefunction(view)
    errors = (PermissionDenied, Http404, *((Error, Unavailable) if is_async else ()))

    # Without the attribute that marks an async view.
    @wraps(view, updated=())
    def wrapped(request, *args, **kwargs):
        if is_async and asyncio._get_running_loop() is not None:
            # An async view has called this one.
            return sync_to_async(wrapped)(request, *args, **kwargs)
        started_at(request)
        if early := cors.answer_preflight(its, request) or (only_streams and cors.refuse_cross_site(its, request)):
            return early
        if is_async and (held := getattr(request, "scope", {}).get(SCOPE_KEY)):
            # Before the view reads any data.
            held.follow_log()
        try:
            # Async code cannot load them.
            if is_async and hasattr(request, "user"):
                request.user.pk  # noqa: B018
            if is_async and hasattr(request, "session"):
                request.session.keys()
            response = refuse_other_user(request) or awaited(view(request, *args, **kwargs))
        except errors as error:
            response = _error_response(its, request, error)
        return cors.add_headers(its, request, response)

    # `is_stream_view`, because decorators copy a view's attributes.
    attributes = {"view_class": cls, "view_initkwargs": vars(view)["view_initkwargs"], "is_stream_view": True}
    vars(wrapped).update(vars(cls.dispatch) | attributes)
    if is_async:
        for alias in databases:
            non_atomic_requests(using=alias)(wrapped)
    return wrapped


def awaited(result: Any) -> Any:
    """Return what a function has returned, awaited on the event loop if it was `async def`."""
    return async_to_sync(_result_of)(result) if inspect.isawaitable(result) else result


async def _result_of(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def without_traceback(record: logging.LogRecord) -> bool:
    """Remove the traceback from the log record of a refused stream: it adds nothing to the message."""
    view = getattr(getattr(getattr(record, "request", None), "resolver_match", None), "func", None)
    if hasattr(view, "is_stream_view") and record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
        record.exc_info = None
    return True


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
        if not is_away(error):
            raise error
        refusals.log(request.path, error)
    response = refuse(503, UNAVAILABLE)
    # Django would log each.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _check_access_tests(cls: type) -> None:
    for name in ("test_func", "has_permission"):
        if inspect.iscoroutinefunction(getattr(cls, name, None)):
            raise TypeError(
                f"{cls.__name__}.{name}() is `async def`. Django would treat its coroutine as true. "
                "Make it a plain `def`: `request.user` is loaded before it runs."
            )
