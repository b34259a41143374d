"""
The stream of the admin's page of open streams: an event whenever the page has to load itself again.

Apart from `admin.py`, because `urls.py` also serves sites without Django's admin.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied

from .databases import release_connections
from .stats import processes
from .stream.shared import shared
from .views import SSEView


@shared
async def changes() -> AsyncGenerator[int]:
    """Yield a number at the start and each time that the open streams of the processes have changed."""
    before, number = None, 0
    while True:
        now = await sync_to_async(_open_streams)()
        if now != before:
            number += 1
            yield number
        before = now
        await asyncio.sleep(processes.EVERY_SECONDS)


def _open_streams() -> list[Any]:
    try:
        return [(row.pk, processes.is_silent(row), row.data["streams"]) for row in processes.rows()]
    finally:
        release_connections()


class OpenStreamsStream(SSEView):
    """One event, `changed`, for each change. The page itself has the numbers."""

    def mount(self, request, last_event_id):
        user = request.user
        if not (user.is_staff and user.has_perm("sse.view_openstream")):
            raise PermissionDenied

    async def stream(self, request):
        async for number in changes():
            yield self.event("changed", number)
