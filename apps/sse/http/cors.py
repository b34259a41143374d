"""Pages of other origins: the Fetch standard's CORS protocol, and the refusal of other sites."""

import re
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.exception import response_for_exception
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

PREFLIGHT_SECONDS = 600
CROSS_SITE = "Pages of other sites may not open this stream. Set `sse_cors = True` on the view to allow them.\n"

# As browsers write an `Origin`: lower case, no path, and never the opaque "null".
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\sA-Z*]+")


class CORS:
    """
    The CORS headers and refusals of a view, which has `sse_cors` and `sse_cors_origins`.

    `only_streams`: the view answers with streams only, so that requests from other sites can be refused early.

    Raises `ImproperlyConfigured` for origins that no browser sends.
    """

    def __init__(self, view: Any, *, only_streams: bool) -> None:
        self._view = view
        self._only_streams = only_streams
        _check(view.sse_cors_origins)

    def before_view(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response to a preflight, or the refusal of another site to a view with streams only."""
        if self._view.sse_cors and _is_preflight(request):
            return self._preflight(request)
        return self._refuse_cross_site(request) if self._only_streams else None

    def before_stream(self, request: HttpRequest) -> HttpResponse | None:
        """Return the refusal of another site, unless `before_view` has checked that."""
        return None if self._only_streams else self._refuse_cross_site(request)

    def add_headers[Response: HttpResponseBase](self, request: HttpRequest, response: Response) -> Response:
        """Return the response with the headers that let pages of allowed origins read it."""
        if self._view.sse_cors and self._add_allow_headers(request, response):
            response.headers["Access-Control-Expose-Headers"] = "Retry-After, SSE-Joinable, SSE-Keepalive"
        return response

    def error_response(self, request: HttpRequest, error: Exception) -> HttpResponseBase:
        """Return Django's response to an exception, which needs CORS headers; raise it for a view without CORS."""
        if not self._view.sse_cors:
            raise error
        return response_for_exception(request, error)

    def _preflight(self, request: HttpRequest) -> HttpResponse:
        response = HttpResponse(status=204)
        if self._add_allow_headers(request, response):
            response.headers["Access-Control-Allow-Methods"] = "GET"
            # Those that `DjustSSE` sends.
            response.headers["Access-Control-Allow-Headers"] = "Last-Event-ID, Cache-Control"
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response

    def _refuse_cross_site(self, request: HttpRequest) -> HttpResponse | None:
        # Otherwise any page of the web could open streams with its visitors' cookies and exhaust their limits.
        # Browsers send `Sec-Fetch-Site`; a client that does not is no page of another site.
        if request.headers.get("Sec-Fetch-Site") != "cross-site" or self._allows(request):
            return None
        headers = {"Cache-Control": "no-store"}
        return HttpResponse(CROSS_SITE, status=403, content_type="text/plain", headers=headers)

    def _allows(self, request: HttpRequest) -> bool:
        origins = self._view.sse_cors_origins
        return self._view.sse_cors and (origins is None or request.headers.get("Origin") in origins)

    def _add_allow_headers(self, request: HttpRequest, response: HttpResponseBase) -> bool:
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


def _is_preflight(request: HttpRequest) -> bool:
    return request.method == "OPTIONS" and {"Origin", "Access-Control-Request-Method"} <= {*request.headers}


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
