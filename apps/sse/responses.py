"""The headers of a stream's response: its type, what proxies may do with it, and CORS."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers

CONTENT_TYPE = "text/event-stream; charset=utf-8"
PREFLIGHT_SECONDS = 600


def add_stream_headers(response: HttpResponseBase, *, keepalive: float) -> None:
    """Say that the response is a stream that is neither cached, buffered nor transformed on its way."""
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["SSE-Keepalive"] = f"{keepalive:g}"


def add_cors_headers(request: HttpRequest, response: HttpResponseBase, origins: Sequence[str] | None) -> None:
    """
    Let pages of other origins read the response, by the Fetch standard's CORS protocol.

    `origins` are exact origins, which may send cookies; None is every origin, without cookies.
    """
    if origins is None:
        response.headers["Access-Control-Allow-Origin"] = "*"
    else:
        patch_vary_headers(response, ["Origin"])
        if request.headers.get("Origin") not in origins:
            return
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = "Retry-After, SSE-Keepalive"


def add_preflight_headers(response: HttpResponseBase) -> None:
    """Allow what `DjustSSE` sends, if the origin was allowed at all."""
    if response.has_header("Access-Control-Allow-Origin"):
        response.headers["Access-Control-Allow-Methods"] = "GET"
        response.headers["Access-Control-Allow-Headers"] = "Last-Event-ID, Cache-Control"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
