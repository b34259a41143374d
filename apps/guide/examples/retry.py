from apps.sse import SSEView


class Slow(SSEView):
    """Asks its clients to wait for ten seconds before they come back."""

    sse_retry_ms = 10_000

    async def stream(self, request):
        yield self.event("hello", "If this connection breaks, come back after about ten seconds.")
