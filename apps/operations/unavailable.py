"""Answers 503 to requests that need a database or a broker that is away. Other errors are answered with 500."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views.defaults import server_error

from apps.sse.databases import is_away, refusals
from apps.sse.delivery.log import Unavailable

# Seconds. An outage ends in every process within two.
RETRY_AFTER = 5


def respond(request: HttpRequest) -> HttpResponse:
    """Return the response to a request that has raised an error: `handler500` of the URLs."""
    error = sys.exc_info()[1]
    if error is not None and is_away(error):
        refusals.log(request.path, error)
    elif not isinstance(error, Unavailable):
        return server_error(request)
    if request.path_info.startswith("/api/"):
        text = gettext("The database is away at the moment. Nothing was saved. Try again in some seconds.")
        response: HttpResponse = JsonResponse({"error": text}, status=503)
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
        if request.method == "GET":
            response.headers["Refresh"] = str(RETRY_AFTER)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    response.headers["Cache-Control"] = "no-store"
    # Django would log each.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
