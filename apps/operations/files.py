"""
Serves uploaded files through nginx, and other files in pieces.

A view that decides who gets a file of `MEDIA_ROOT` returns a `FileResponse`. If the bundled nginx is in front, the
response then names the file's path to nginx. Otherwise, under ASGI, a thread reads each piece of it.
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

# The request header of the bundled nginx.conf, its value, and the location of MEDIA_ROOT there.
SENDFILE_TYPE, ACCEL_REDIRECT = "X-Sendfile-Type", "X-Accel-Redirect"
PRIVATE_URL = "/private-media/"


@sync_and_async_middleware
def stream_files(get_response):
    """Leave uploaded files to nginx; under ASGI iterate over the files of WhiteNoise and others in threads."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return streamed(request, await get_response(request))

    else:

        def middleware(request):
            return streamed(request, get_response(request))

    return middleware


def streamed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return a response that its server can send."""
    if request.headers.get(SENDFILE_TYPE) == ACCEL_REDIRECT and isinstance(response, FileResponse):
        leave_to_nginx(response)
    if isinstance(request, ASGIRequest) and response.streaming and not response.is_async:
        response.streaming_content = pieces(response.streaming_content)
    return response


def leave_to_nginx(response: FileResponse) -> None:
    """Replace the content by the file's path, if the file is in `MEDIA_ROOT`."""
    path, folder = path_of(response.file_to_stream), Path(settings.MEDIA_ROOT)
    if path.is_relative_to(folder):
        response.headers[ACCEL_REDIRECT] = PRIVATE_URL + quote(str(path.relative_to(folder)))
        response.headers.setdefault("Cache-Control", "private, no-store")
        del response.headers["Content-Length"]
        response.streaming_content = ()


def path_of(file) -> Path:
    """Return the path of an open file, or its name if its storage has no paths."""
    try:
        return Path(file.path)
    except (AttributeError, NotImplementedError):
        return Path(str(getattr(file, "name", "")))


async def pieces(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of the content, each read in a thread."""
    iterator = iter(content)
    while (piece := await sync_to_async(next)(iterator, None)) is not None:
        yield piece
