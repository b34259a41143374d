import asyncio

from django.views.generic import View

from apps.sse import SSEMixin


class Updates(SSEMixin, View):
    """An ordinary view whose `get()` returns a stream."""

    async def get(self, request):
        return self.sse_response(self.updates())

    async def updates(self):
        for count in range(1, 1000):
            yield self.event("update", {"count": count})
            await asyncio.sleep(1)
