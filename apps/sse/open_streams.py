"""The stream of the admin's page of open streams, which tells it when to fetch itself again."""

import asyncio
from collections.abc import AsyncGenerator

from django.core.exceptions import PermissionDenied

from . import census
from .shared import shared
from .views import SSEView

EVERY_SECONDS = 3


@shared
async def changes() -> AsyncGenerator[int]:
    """Yield a number when the open streams of all processes differ from those seen before, and at the start."""
    before, number = None, 0
    while True:
        now = await asyncio.to_thread(census.ask, "streams")
        if now != before:
            number += 1
            yield number
        before = now
        await asyncio.sleep(EVERY_SECONDS)


class OpenStreamsStream(SSEView):
    """One event, `changed`, for each change: the page has the numbers."""

    def mount(self, request, last_event_id):
        user = request.user
        if not (user.is_staff and user.has_perm("sse.view_openstream")):
            raise PermissionDenied

    async def stream(self, request):
        async for number in changes():
            yield self.event("changed", number)
