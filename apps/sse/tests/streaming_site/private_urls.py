"""Streams with limited access."""

import asyncio
import os

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import JsonResponse
from django.urls import include, path

from apps.sse import SSEView
from apps.sse.stats import metrics
from apps.sse.stream import registry


class Open(SSEView):
    """Sends its process id, then nothing more."""

    # Servers with threads notice a disconnect only when they write.
    sse_keepalive_interval = 1

    async def stream(self, request):
        yield self.event("pid", os.getpid())
        await asyncio.Event().wait()


class Members(LoginRequiredMixin, Open):
    """For logged-in users."""


class Slow(Members):
    """Takes long to prepare."""

    async def mount(self, request, last_event_id):
        await asyncio.sleep(0.3)


class Steady(Open):
    """Takes as long to prepare on a fast machine as on a slow one."""

    async def mount(self, request, last_event_id):
        await asyncio.sleep(0.02)


class Permitted(PermissionRequiredMixin, Open):
    """For users who may view groups."""

    permission_required = "auth.view_group"


class Rooms(LoginRequiredMixin, SSEView):
    """A channel for each group of the user."""

    def get_channels(self, request):
        return [f"room-{name}" for name in request.user.groups.values_list("name", flat=True)]


def state(request):
    """Return the open streams of this process, and why streams have ended."""
    reasons = dict(metrics.hang_ups)
    return JsonResponse({"pid": os.getpid(), "streams": registry.open_streams(), "ended": reasons})


urlpatterns = [
    path("state/", state),
    *[
        path(f"{view.__name__.lower()}/", view.as_view())
        for view in (Open, Members, Slow, Steady, Permitted, Rooms)
    ],
    path("", include(os.environ["PROJECT_SETTINGS"].replace("settings", "urls"))),
]
