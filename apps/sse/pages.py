"""Pages whose streams start at the position of the page's content."""

import inspect
import logging
from collections.abc import Callable
from functools import wraps

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.utils.decorators import classonlymethod

from .databases import is_away, is_outage_known
from .publishing import position

logger = logging.getLogger("apps.sse")

# Not a position: the stream begins with `sse:reset`, so that the page loads its data again.
UNKNOWN = "unknown"


def page_position() -> str:
    """
    Return the newest position in the log, for a template tag that prints the attribute `dj-sse-since`.

    The stream delivers what is committed after this call: call it before the tag's own queries. If the log
    cannot be read, the page is still shown, and its stream begins with `sse:reset`.
    """
    try:
        return str(position())
    except ImproperlyConfigured:
        raise
    except Exception as error:
        if not (is_away(error) and is_outage_known()):
            text = "The log cannot be read (%s: %s). This page will load its data again."
            logger.warning(text, type(error).__name__, error)
        return UNKNOWN


def live_page(view: Callable) -> Callable:
    """
    Decorate a view function, sync or async: take the position for the tag `sse_since` before it runs.

    The stream must follow channels or have `event_id = Position`. The rest is as in `page_position`.
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
    """`live_page` for class-based views. List it before `View` in the base classes."""

    @classonlymethod
    def as_view(cls, **initkwargs):
        return live_page(super().as_view(**initkwargs))  # type: ignore[misc]
