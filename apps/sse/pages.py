"""Pages whose streams go on exactly where the content of the page ends."""

import inspect
import logging
from collections.abc import Callable
from functools import wraps

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.decorators import classonlymethod

from .publishing import position

logger = logging.getLogger("apps.sse")

# No position: a stream that is asked to go on from here says `sse:reset`, so that the page fetches anew.
UNKNOWN = "unknown"


def page_position() -> str:
    """
    Return the newest place in the log, for the attribute `dj-sse-since` of what a template tag prints.

    The stream brings what is committed after this call: call it before the tag's own queries. If the log
    cannot be read, the page is shown all the same, and its stream begins with `sse:reset`.
    """
    try:
        return str(position())
    except ImproperlyConfigured:
        raise
    except Exception as error:
        logger.warning(
            "The log cannot be read (%s: %s): this page fetches its data again.", type(error).__name__, error
        )
        return UNKNOWN


def live_page(view: Callable) -> Callable:
    """
    Take the place in the log before a function view runs, sync or async, for the tag `sse_since`.

    Whatever is committed after that, the page's stream brings, if it is one of channels or has
    `event_id = Position`: between the page's queries and its stream nothing is lost. If the log
    cannot be read, the page is shown and fetches anew later.
    """
    if inspect.iscoroutinefunction(view):

        @wraps(view)
        async def page(request, *args, **kwargs):
            request.sse_since = await sync_to_async(page_position)()
            return await view(request, *args, **kwargs)

    else:

        @wraps(view)
        def page(request, *args, **kwargs):
            request.sse_since = page_position()
            return view(request, *args, **kwargs)

    return page


class LivePageMixin:
    """Does for a class-based view what `live_page` does for a function; stands before `View`."""

    @classonlymethod
    def as_view(cls, **initkwargs):
        """Return the view."""
        return live_page(super().as_view(**initkwargs))  # type: ignore[misc]


def since(request: HttpRequest) -> str:
    """
    Return the place that was taken for a page.

    Raises `ImproperlyConfigured` if none was, since it would be too late now.
    """
    try:
        return request.sse_since  # type: ignore[attr-defined]
    except AttributeError:
        raise ImproperlyConfigured(
            f"The page {request.path} prints its stream's starting point, and none was taken before its queries: "
            "put LivePageMixin before View in its class, or @live_page over its function (both of apps.sse)."
        ) from None
