import asyncio
import secrets

from apps.sse import SSEView


class NamedStream(SSEView):
    """A stream that sends its name, so that two tabs can be compared."""

    joinable = True

    async def stream(self, request):
        name = secrets.token_hex(3)
        for seconds in range(24 * 3600):
            yield self.event("name", {"name": name, "seconds": seconds})
            await asyncio.sleep(1)
