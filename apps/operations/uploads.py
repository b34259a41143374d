"""
The most that a request may carry: a form around a file of `MAX_UPLOAD_MB`; behind nginx, of logged-in users only.

nginx refuses what is larger. Without nginx Django would, under ASGI, first write all of it to the disk.
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
# Whoever is refused may go on sending for so long: a browser that is cut off shows no answer.
LINGER_SECONDS = 10.0

logger = logging.getLogger(__name__)


def permission(request: HttpRequest) -> HttpResponse:
    """Return 204 if nginx should accept a large body from this visitor, otherwise 401."""
    response = HttpResponse(status=204 if request.user.is_authenticated else 401)
    response.headers["Cache-Control"] = "no-store"
    # A refusal is no error of the site.
    response._has_been_logged = True
    return response


class Bounded:
    """An ASGI application whose requests have bounded bodies."""

    def __init__(self, application) -> None:
        self.application = application

    async def __call__(self, scope, receive, send) -> None:
        """Answer as the application does, or with 413 as soon as it is known that a body is too large."""
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        if is_too_large(headers.get(b"content-length", b"").decode("latin-1")):
            await refuse(receive, send)
        elif b"transfer-encoding" in headers:
            await self._count(scope, receive, send)
        else:
            await self.application(scope, receive, send)

    async def _count(self, scope, receive, send) -> None:
        left = most_bytes()

        async def counted():
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            # For the application it is as if the client had left.
            return message if left >= 0 else {"type": "http.disconnect"}

        await self.application(scope, counted, send)
        if left < 0:
            await refuse(receive, send)


def bounded_wsgi(application):
    """Return a WSGI application whose requests have bounded bodies; a body without a length is none there."""

    def wsgi(environ, start_response):
        if not is_too_large(environ.get("CONTENT_LENGTH", "")):
            return application(environ, start_response)
        body = page()
        start_response(
            "413 Content Too Large", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))]
        )
        return lingering(body, environ["wsgi.input"])

    return wsgi


def most_bytes() -> int:
    """Return how long a body may be; nginx is told the same."""
    return (settings.MAX_UPLOAD_MB + 1) * 2**20


def is_too_large(length: str) -> bool:
    """Say whether a `Content-Length` is more than is taken."""
    return length.isdecimal() and int(length) > most_bytes()


def page() -> bytes:
    """Return what the visitor is shown; the log is told, too."""
    logger.warning("Refused a request body larger than %s MiB.", settings.MAX_UPLOAD_MB + 1)
    return render_to_string("413.html", {"most": settings.MAX_UPLOAD_MB}).encode()


async def refuse(receive, send) -> None:
    """Answer, and let what is still on its way arrive for a while, kept by nobody."""
    body = page()
    headers = {"content-type": CONTENT_TYPE, "content-length": str(len(body)), "connection": "close"}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 413, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body"})


def lingering(body: bytes, rest) -> Iterator[bytes]:
    """Yield the answer, and do the same; one that sends nothing is waited for, as it is by any view here."""
    yield body
    until = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < until and rest.read(CHUNK_BYTES):
        pass
