"""The package sse-starlette with a queue for each connection, as in its documentation."""

import asyncio

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

queues: set[asyncio.Queue[str]] = set()


async def ticks(request):
    """Stream what is published from now on."""
    return EventSourceResponse(events())


async def events():
    """Yield the events of this connection's queue."""
    queue = asyncio.Queue()
    queues.add(queue)
    try:
        while True:
            yield ServerSentEvent(await queue.get(), event="tick")
    finally:
        queues.discard(queue)


async def publish_tick(request):
    """Publish the JSON of the body."""
    data = (await request.body()).decode()
    for queue in queues:
        queue.put_nowait(data)
    return Response(status_code=204)


application = Starlette(
    routes=[Route("/ticks/", ticks), Route("/publish/", publish_tick, methods=["POST"])],
)
