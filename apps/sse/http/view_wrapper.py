"""What comes before a view runs, its access mixins included."""

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import Error, InterfaceError, OperationalError
from django.db import connections as databases
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse

from ..access.limits import refuse
from ..db.errors import is_mistake, migration_hint
from ..delivery.log import Unavailable
from ..stream import recent_revocations
from .cors import CORS
from .share_keys import refuse_other_user

UNAVAILABLE = "Events are not available at the moment."

logger = logging.getLogger("apps.sse")


def wrap_view(view: Callable, cors: CORS) -> Callable:
    """
    Return `view` behind its preflights, with its user resolved if it is async, and with CORS headers.

    Requests that its CORS does not admit are refused before anything else.
    """
    _check_access_tests(view.view_class)  # type: ignore[attr-defined]
    front = (_async_front if inspect.iscoroutinefunction(view) else _front)(view, cors)
    # Decorators copy a view's attributes.
    front.is_stream_view = True  # type: ignore[attr-defined]
    return front


def without_traceback(record: logging.LogRecord) -> bool:
    """Drop the traceback from the log record of a refused stream; it says nothing that the line does not."""
    view = getattr(getattr(getattr(record, "request", None), "resolver_match", None), "func", None)
    if hasattr(view, "is_stream_view") and record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
        record.exc_info = None
    return True


def _front(view: Callable, cors: CORS) -> Callable:
    @wraps(view)
    def front(request, *args, **kwargs):
        recent_revocations.note(request)
        if early := cors.preflight(request) or cors.refuse_foreign(request):
            return early
        try:
            answer = refuse_other_user(request) or view(request, *args, **kwargs)
        except (PermissionDenied, Http404) as error:
            answer = cors.refusal(request, error)
        return cors.add_headers(request, answer)

    return front


def _async_front(view: Callable, cors: CORS) -> Callable:
    def begin(request, *args, **kwargs):
        _resolve_user(request)
        return _Begun(refuse_other_user(request) or view(request, *args, **kwargs))

    @wraps(view)
    async def front(request, *args, **kwargs):
        recent_revocations.note(request)
        if early := cors.preflight(request) or cors.refuse_foreign(request):
            return early
        try:
            # In a thread, as Django's access mixins query, and answer, synchronously.
            begun = await sync_to_async(begin)(request, *args, **kwargs)
            answer = await begun.answer if inspect.isawaitable(begun.answer) else begun.answer
        except (PermissionDenied, Http404) as error:
            answer = await sync_to_async(cors.refusal)(request, error)
        except (Error, Unavailable) as error:
            if (answer := _answer_to(error, request)) is None:
                raise
        return cors.add_headers(request, answer)

    # Under ATOMIC_REQUESTS Django refuses an async view that does not ask to be left out.
    for alias in databases:
        non_atomic_requests(using=alias)(front)
    return front


def _answer_to(error: Error | Unavailable, request: HttpRequest) -> HttpResponse | None:
    """
    Return the response to a request that an error has stopped, None if the error is a bug.

    503 with `Retry-After` for a database or broker that cannot be reached or does not answer, 500 for
    a database that was not migrated.
    """
    if hint := migration_hint(error.__cause__ if isinstance(error, Unavailable) else error):
        return HttpResponse(f"{hint if settings.DEBUG else UNAVAILABLE}\n", status=500, content_type="text/plain")
    if isinstance(error, Error):
        if not isinstance(error, OperationalError | InterfaceError) or is_mistake(error):
            return None
        logger.error("%s: the database failed. The client will try again.", request.path, exc_info=error)
    return refuse(503, UNAVAILABLE)


class _Begun:
    """What a view has returned; a coroutine is closed if the client left before it was awaited."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __del__(self) -> None:
        if inspect.iscoroutine(self.answer):
            self.answer.close()


def _check_access_tests(cls: type) -> None:
    for name in ("test_func", "has_permission"):
        if inspect.iscoroutinefunction(getattr(cls, name, None)):
            raise TypeError(
                f"{cls.__name__}.{name}() is `async def`. Django would treat its coroutine as true. "
                "Make it a plain `def`: `request.user` is resolved before it runs."
            )


def _resolve_user(request: HttpRequest) -> None:
    if hasattr(request, "session"):
        request.session.keys()
    if hasattr(request, "user"):
        request.user.pk  # noqa: B018
