import asyncio

from apps.sse import SSEView


class Quiet(SSEView):
    """Sends one event, and then only keepalive comments for ten seconds."""

    auto_id = False
    sse_retry_ms = 10_000
    sse_keepalive_interval = 2
    sse_cors = True
    sse_cors_origins = ["https://partner.example"]

    async def stream(self, request):
        yield self.event("hello", "If this connection breaks, reconnect after about ten seconds.")
        await asyncio.sleep(10)
