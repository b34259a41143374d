import asyncio

from django.core.exceptions import PermissionDenied

from apps.sse import SSEView


class Counting(SSEView):
    """Counts to three, for logged-in users only."""

    async def mount(self, request, last_event_id):
        if not request.user.is_authenticated:
            raise PermissionDenied
        self.name = request.user.get_username()

    async def stream(self, request):
        yield self.event("start", {"for": self.name})
        for number in range(1, 4):
            await asyncio.sleep(1)
            yield self.event("item", {"number": number})
        yield self.event("complete", {"status": "done"})
