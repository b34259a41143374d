"""Streams that are not for everybody."""

import asyncio
import os

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import JsonResponse
from django.urls import include, path

from apps.sse import SSEView
from apps.sse.stats import metrics
from apps.sse.stream import registry


class Open(SSEView):
    """Says in which process it is, then nothing more."""

    # Servers with threads notice only when they write that a client has left.
    sse_keepalive_interval = 1

    async def stream(self, request):
        yield self.event("pid", os.getpid())
        await asyncio.Event().wait()


class Members(LoginRequiredMixin, Open):
    """For whoever is signed in."""


class Slow(Members):
    """Takes its time to prepare."""

    async def mount(self, request, last_event_id):
        await asyncio.sleep(0.3)


class Permitted(PermissionRequiredMixin, Open):
    """For those who may see groups."""

    permission_required = "auth.view_group"


class Rooms(LoginRequiredMixin, SSEView):
    """A channel for each group of the user."""

    def get_channels(self, request):
        return [f"room-{name}" for name in request.user.groups.values_list("name", flat=True)]


def state(request):
    """Tell what this process has open, and why streams have ended."""
    reasons = dict(metrics.hang_ups)
    return JsonResponse({"pid": os.getpid(), "streams": registry.open_streams(), "ended": reasons})


urlpatterns = [
    path("state/", state),
    *[path(f"{view.__name__.lower()}/", view.as_view()) for view in (Open, Members, Slow, Permitted, Rooms)],
    path("", include(os.environ["PROJECT_SETTINGS"].replace("settings", "urls"))),
]
