"""
Limits the body of a request to a form with a file of `MAX_UPLOAD_MB`.

nginx has the same limit and accepts large bodies from logged-in users only. Without limits Django would write any
body to the disk, under ASGI before it calls a view.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

CONTENT_TYPE = "text/html; charset=utf-8"
CHUNK_BYTES = 64 * 1024
# A browser shows the response only if the server reads the rest of the request.
LINGER_SECONDS = 10.0

logger = logging.getLogger(__name__)


def permission(request: HttpRequest) -> HttpResponse:
    """Return 204 if nginx should accept a large body from this visitor, otherwise 401."""
    response = HttpResponse(status=204 if request.user.is_authenticated else 401)
    response.headers["Cache-Control"] = "no-store"
    response._has_been_logged = True  # type: ignore[attr-defined]  # a 401 is no error here
    return response


class UploadLimitMiddleware:
    """ASGI middleware that answers 413 as soon as a body is known to be too large."""

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        if is_too_large(headers.get(b"content-length", b"").decode("latin-1")):
            return await refuse(receive, send)
        remaining = max_bytes()

        async def count():
            nonlocal remaining
            message = await receive()
            remaining -= len(message.get("body", b""))
            # Over the limit, Django stops as if the client had disconnected.
            return message if remaining >= 0 else {"type": "http.disconnect"}

        await self.application(scope, count if b"transfer-encoding" in headers else receive, send)
        if remaining < 0:
            await refuse(receive, send)


def wsgi_upload_limit(application):
    """WSGI middleware that answers 413 to large bodies. In WSGI each body has a length."""

    def wsgi(environ, start_response):
        if not is_too_large(environ.get("CONTENT_LENGTH", "")):
            return application(environ, start_response)
        body = error_page()
        headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))]
        start_response("413 Content Too Large", headers)
        return send_and_drain(body, environ["wsgi.input"])

    return wsgi


def max_bytes() -> int:
    """Return the maximum size of a body; nginx has the same limit."""
    return (settings.MAX_UPLOAD_MB + 1) * 2**20


def is_too_large(length: str) -> bool:
    """Return whether a `Content-Length` exceeds the limit."""
    return length.isdecimal() and int(length) > max_bytes()


def error_page() -> bytes:
    """Log the refusal and return the page for the visitor."""
    logger.warning("Refused a request body larger than %s MiB.", settings.MAX_UPLOAD_MB + 1)
    return render_to_string("413.html", {"most": settings.MAX_UPLOAD_MB}).encode()


async def refuse(receive, send) -> None:
    """Send the 413, then drain the body for `LINGER_SECONDS`."""
    body = error_page()
    headers = {"content-type": CONTENT_TYPE, "content-length": str(len(body)), "connection": "close"}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 413, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body"})


def send_and_drain(body: bytes, rest) -> Iterator[bytes]:
    """Yield the response, then drain the request's body for `LINGER_SECONDS`."""
    yield body
    until = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < until and rest.read(CHUNK_BYTES):
        pass
