import asyncio
import time

from apps.sse import SSEView

MAX_MISSED = 60


class Seconds(SSEView):
    """One event a second. A client that reconnects first receives the events that it missed."""

    event_id = int

    async def mount(self, request, last_event_id):
        now = int(time.time())
        seen = int(last_event_id) if last_event_id else now - 1
        self.seen = min(max(seen, now - MAX_MISSED), now)

    async def stream(self, request):
        opened = int(time.time())
        while True:
            for second in range(self.seen + 1, int(time.time()) + 1):
                yield self.event("second", {"second": second, "missed": second < opened}, id=second)
                self.seen = second
            await asyncio.sleep(1)
