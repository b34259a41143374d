import asyncio

from apps.sse import SSEView


class EventKinds(SSEView):
    """Each kind of event, and then the end of the stream."""

    async def stream(self, request):
        yield self.event("update", {"count": 42})
        await asyncio.sleep(1)
        yield self.event("note", "two\nlines of text", id=77)
        await asyncio.sleep(1)
        yield self.data_event({"raw": "data"})
        await asyncio.sleep(1)
        yield self.keepalive()
