"""What a client is told when the database or the broker fails in front of a stream."""

import logging

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from .limits import refuse
from .log import Unavailable
from .schema import is_mistake, migration_hint

UNAVAILABLE = "Events are not available at the moment."

logger = logging.getLogger("apps.sse")


def answer_to(error: Error | Unavailable, request: HttpRequest) -> HttpResponse | None:
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
