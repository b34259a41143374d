"""
Serves uploaded files through nginx, and other files in chunks.

A view returns a `FileResponse` for a file of `MEDIA_ROOT`. Behind the bundled nginx the response then has only the
path, and nginx sends the file. Otherwise, under ASGI, a thread reads each chunk.
"""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

# As in the bundled nginx.conf: the request header, its value, and the location of MEDIA_ROOT.
SENDFILE_TYPE_HEADER, ACCEL_REDIRECT = "X-Sendfile-Type", "X-Accel-Redirect"
PRIVATE_URL = "/private-media/"


def stream_files(get_response):
    """Let nginx send uploaded files; under ASGI read other files, such as WhiteNoise's, in threads."""

    def middleware(request):
        return prepare(request, get_response(request))

    return middleware


def prepare(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response in the form that nginx or the ASGI server can send."""
    if request.headers.get(SENDFILE_TYPE_HEADER) == ACCEL_REDIRECT and isinstance(response, FileResponse):
        send_by_nginx(response)
    if isinstance(request, ASGIRequest) and isinstance(response, StreamingHttpResponse) and not response.is_async:
        response.streaming_content = read_in_threads(iter(response))
    return response


def send_by_nginx(response: FileResponse) -> None:
    """Replace the content with the file's path if the file is in `MEDIA_ROOT`."""
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


async def read_in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks, each read in a thread."""
    read = sync_to_async(partial(next, chunks, None))
    while (chunk := await read()) is not None:
        yield chunk
