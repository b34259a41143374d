"""
Files and whatever else is read piece by piece, so that an asynchronous server does not wait for the disk.

An uploaded file, which is one in `MEDIA_ROOT`, is sent by nginx if nginx asks for that: the view that has decided
who gets it returns a `FileResponse`, as it would anywhere, and the response names the file's path to nginx.
"""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

# How the bundled nginx.conf asks, and where it has the files of MEDIA_ROOT.
ASKS, WAY = "X-Sendfile-Type", "X-Accel-Redirect"
PRIVATE_URL = "/private-media/"


@sync_and_async_middleware
def step(get_response):
    """Leave uploaded files to nginx; under ASGI step through what WhiteNoise and others stream synchronously."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return stepped(request, await get_response(request))

    else:

        def middleware(request):
            return stepped(request, get_response(request))

    return middleware


def stepped(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return a response that its server can send, however the middleware was called."""
    if request.headers.get(ASKS) == WAY and isinstance(response, FileResponse):
        leave_to_nginx(response)
    if isinstance(request, ASGIRequest) and response.streaming and not response.is_async:
        response.streaming_content = pieces(response.streaming_content)
    return response


def leave_to_nginx(response: FileResponse) -> None:
    """Name the file in place of its content, if it is an uploaded one."""
    path = path_of(response.file_to_stream)
    folder = Path(settings.MEDIA_ROOT)
    if path.is_relative_to(folder):
        response.headers[WAY] = PRIVATE_URL + quote(str(path.relative_to(folder)))
        response.headers.setdefault("Cache-Control", "private, no-store")
        del response.headers["Content-Length"]
        response.streaming_content = ()


def path_of(file) -> Path:
    """Return where an open file is; a storage on no disk of this machine has but a name for it."""
    try:
        return Path(file.path)
    except (AttributeError, NotImplementedError):
        return Path(str(getattr(file, "name", "")))


async def pieces(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the same, each taken in a thread."""
    iterator = iter(content)
    while (piece := await sync_to_async(next)(iterator, None)) is not None:
        yield piece
