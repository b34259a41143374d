"""
Pages of other origins: the Fetch standard's CORS protocol, and the refusal of other sites.

`view` is an instance of the view, with its `sse_cors` and `sse_cors_origins`.
"""

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

PREFLIGHT_SECONDS = 600
CROSS_SITE = "Pages of other sites may not open this stream. Set `sse_cors = True` on the view to allow them.\n"

# As browsers write an `Origin`: lower case, no path, and never the opaque "null".
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\sA-Z*]+")


def check_origins(view: Any) -> None:
    """Raise `ImproperlyConfigured` for a view with `sse_cors_origins` that no browser sends."""
    if isinstance(origins := view.sse_cors_origins, str):
        raise ImproperlyConfigured(f"sse_cors_origins must be a list or None, not the string {origins!r}.")
    for origin in origins or ():
        if not _ORIGIN.fullmatch(origin):
            raise ImproperlyConfigured(
                f"sse_cors_origins contains {origin!r}, which no browser sends as an Origin. Write it like "
                "'https://example.com' or 'http://localhost:8000': in lower case and without a path."
            )


def answer_preflight(view: Any, request: HttpRequest) -> HttpResponse | None:
    """Return the response to a preflight for a view with CORS, None for another request."""
    if not (view.sse_cors and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers):
        return None
    response = HttpResponse(status=204)
    if _add_allow_headers(view, request, response):
        response.headers["Access-Control-Allow-Methods"] = "GET"
        # Those that `DjustSSE` sends.
        response.headers["Access-Control-Allow-Headers"] = "Last-Event-ID, Cache-Control"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


def refuse_cross_site(view: Any, request: HttpRequest) -> HttpResponse | None:
    """Return the refusal of another site whose origin the view does not allow, None for other requests."""
    # Otherwise any page of the web could open streams with its visitors' cookies and exhaust their limits.
    # Browsers send `Sec-Fetch-Site`; a client that does not is no page of another site.
    origins = view.sse_cors_origins
    is_allowed = view.sse_cors and (origins is None or request.headers.get("Origin") in origins)
    if is_allowed or request.headers.get("Sec-Fetch-Site") != "cross-site":
        return None
    return HttpResponse(CROSS_SITE, status=403, content_type="text/plain", headers={"Cache-Control": "no-store"})


def add_headers[Response: HttpResponseBase](view: Any, request: HttpRequest, response: Response) -> Response:
    """Return the response with the headers that let pages of allowed origins read it."""
    if view.sse_cors and _add_allow_headers(view, request, response):
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, SSE-Joinable, SSE-Keepalive"
    return response


def _add_allow_headers(view: Any, request: HttpRequest, response: HttpResponseBase) -> bool:
    origins = view.sse_cors_origins
    if origins is None:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return True
    patch_vary_headers(response, ["Origin"])
    if request.headers.get("Origin") not in origins:
        return False
    response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
    response.headers["Access-Control-Allow-Credentials"] = "true"
    return True
