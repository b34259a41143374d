import asyncio

from apps.sse import SSEView


class Quiet(SSEView):
    """Says one thing, and is then kept alive for a while."""

    auto_id = False
    sse_retry_ms = 5000
    sse_keepalive_interval = 2
    sse_cors = True
    sse_cors_origins = ["https://partner.example"]

    async def stream(self, request):
        yield self.event("hello", "Nothing else for ten seconds.")
        await asyncio.sleep(10)
