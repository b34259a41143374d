import asyncio

from apps.sse import SSEView


class Progress(SSEView):
    """Progress of a piece of work, and then its result."""

    async def stream(self, request):
        for percent in range(0, 101, 10):
            yield self.event("progress", {"percent": percent, "status": f"{percent} % done"})
            await asyncio.sleep(0.3)
        yield self.event("complete", {"result": "84 rows imported"})
