"""This project: channel views, a `stream()` that subscribes, and `publish()`."""

import json

from django.urls import path

from apps.sse import Position, SSEView, apublish


class Ticks(SSEView):
    channels = ("bench",)


class ZippedTicks(SSEView):
    channels = ("bench-zip",)
    sse_compress = True


class OwnTicks(SSEView):
    """A channel for each client."""

    def get_channels(self, request):
        return [f"bench-{self.kwargs['number']}"]


class KeptTicks(SSEView):
    """A stream that keeps its request while it is open."""

    event_id = Position

    async def stream(self, request):
        async with self.subscribe("bench") as events:
            async for event in events:
                yield event


async def publish_tick(body, number=None):
    """Publish the JSON of the body: to all, or on the channel of one client."""
    await apublish("bench" if number is None else f"bench-{number}", "tick", json.loads(body))


urlpatterns = [
    path("ticks/", Ticks.as_view()),
    path("ticks/<int:number>/", OwnTicks.as_view()),
    path("api/bench/stream/", Ticks.as_view()),
    path("zip/", ZippedTicks.as_view()),
    path("kept/", KeptTicks.as_view()),
]
