"""The Fetch standard's CORS protocol, for all that a view answers."""

import re
from collections.abc import Sequence
from typing import Protocol

from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.exception import response_for_exception
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

PREFLIGHT_SECONDS = 600
FOREIGN = "Pages of other sites may not open this stream. Set `sse_cors = True` on the view to allow them.\n"

# As browsers write an `Origin`: lower case, no path, and never the opaque "null".
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\sA-Z*]+")


class CORSView(Protocol):
    """A view that says who may read it: no other origin, exactly these with cookies, or (None) all without."""

    sse_cors: bool
    sse_cors_origins: Sequence[str] | None


class CORS:
    """
    The Fetch standard's CORS protocol, for all that a view answers.

    `only_streams`: the view has no pages, which other sites may link to.

    Raises `ImproperlyConfigured` for origins that no browser would ever send.
    """

    def __init__(self, view: CORSView, *, only_streams: bool) -> None:
        self._view = view
        self._only_streams = only_streams
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

    def refuse_foreign(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a page of another site that the view does not admit, as the function does."""
        return refuse_foreign(self._view, request) if self._only_streams else None

    def add_headers[Response: HttpResponseBase](self, request: HttpRequest, response: Response) -> Response:
        """Return the response with the headers by which pages of the allowed origins can read it."""
        if self._view.sse_cors and self._allow(request, response):
            response.headers["Access-Control-Expose-Headers"] = "Retry-After, SSE-Joinable, SSE-Keepalive"
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


def refuse_foreign(view: CORSView, request: HttpRequest) -> HttpResponse | None:
    """
    Return the answer to a page of another site that a view does not admit, None for other requests.

    Without it any page of the web could open streams with its visitors' cookies, and use up their seats.
    Browsers say where a request comes from; clients that do not say it are no page of another site.
    """
    if request.headers.get("Sec-Fetch-Site") != "cross-site" or _admits(view, request):
        return None
    return HttpResponse(FOREIGN, status=403, content_type="text/plain", headers={"Cache-Control": "no-store"})


def _admits(view: CORSView, request: HttpRequest) -> bool:
    origins = view.sse_cors_origins
    return view.sse_cors and (origins is None or request.headers.get("Origin") in origins)


def _check(origins: Sequence[str] | None) -> None:
    if isinstance(origins, str):
        raise ImproperlyConfigured(
            f"sse_cors_origins must be a list of origins or None, not the string {origins!r}."
        )
    for origin in origins or ():
        if not _ORIGIN.fullmatch(origin):
            raise ImproperlyConfigured(
                f"sse_cors_origins contains {origin!r}, which no browser sends as an Origin. Write it like "
                "'https://example.com' or 'http://localhost:8000': in lower case and without a path."
            )
