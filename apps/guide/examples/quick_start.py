import asyncio
from datetime import datetime

from apps.sse import SSEView, connections


class Stats(SSEView):
    """Figures of this server process, every two seconds."""

    joinable = True

    async def stream(self, request):
        while True:
            yield self.event("stats", self.stats())
            await asyncio.sleep(2)

    def stats(self):
        time = f"{datetime.now():%H:%M:%S}"
        return {"time": time, "streams": connections.open_streams()}
