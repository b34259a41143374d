import asyncio
import random

from apps.sse import SSEView, shared


@shared
async def temperature():
    """Run once in each process, from the first viewer to the last."""
    degrees, readings = 20.0, 0
    while True:
        degrees, readings = degrees + random.uniform(-0.3, 0.3), readings + 1
        yield {"degrees": f"{degrees:.1f}", "readings": readings}
        await asyncio.sleep(1)


class Temperature(SSEView):
    """The same temperature for all viewers."""

    joinable = True

    async def stream(self, request):
        async for reading in temperature():
            yield self.event("temperature", reading)
