"""Files that are read piece by piece, so that an asynchronous server does not wait for the disk."""

from collections.abc import AsyncIterator, Iterable

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def step(get_response):
    """Under ASGI, step through responses that WhiteNoise and others stream synchronously."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return stepped(request, await get_response(request))

    else:

        def middleware(request):
            return stepped(request, get_response(request))

    return middleware


def stepped(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return a response that its server can send, however the middleware was called."""
    if isinstance(request, ASGIRequest) and response.streaming and not response.is_async:
        response.streaming_content = pieces(response.streaming_content)
    return response


async def pieces(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the same, each taken in a thread."""
    iterator = iter(content)
    while piece := await sync_to_async(next)(iterator, b""):
        yield piece
