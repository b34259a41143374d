"""Django with a queue and a task for each connection, without a library."""

import asyncio

from django.http import StreamingHttpResponse
from django.urls import path

queues: set[asyncio.Queue[str]] = set()


async def ticks(request):
    """Stream what is published from now on."""
    return StreamingHttpResponse(events(), content_type="text/event-stream")


async def events():
    """Yield the events of this connection's queue."""
    queue = asyncio.Queue()
    queues.add(queue)
    try:
        yield ": open\n\n"
        while True:
            yield await queue.get()
    finally:
        queues.discard(queue)


async def publish_tick(body):
    """Publish the JSON of the body."""
    event = f"event: tick\ndata: {body.decode()}\n\n"
    for queue in queues:
        queue.put_nowait(event)


urlpatterns = [path("ticks/", ticks)]
