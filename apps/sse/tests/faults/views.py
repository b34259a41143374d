"""The streams of the scenario: every event, the newest, and a `stream()` that subscribes and queries."""

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.urls import path

from apps.sse import Position, SSEView

KEEPALIVE_SECONDS = 0.02


def query():
    """Query the database."""
    return get_user_model().objects.exists()


class Every(SSEView):
    """Every event of two channels."""

    channels = ["news", "more"]
    sse_keepalive_interval = KEEPALIVE_SECONDS


class Newest(SSEView):
    """The newest event of a channel."""

    channels = ["news"]
    follow = "latest"
    sse_keepalive_interval = KEEPALIVE_SECONDS


class Subscribed(SSEView):
    """Every event of a channel, from a generator that queries before each."""

    event_id = Position
    sse_keepalive_interval = KEEPALIVE_SECONDS

    async def stream(self, request):
        """Yield the events unchanged."""
        async with self.subscribe("news") as events:
            async for event in events:
                await sync_to_async(query)()
                yield event


urlpatterns = [
    path("every/", Every.as_view()),
    path("newest/", Newest.as_view()),
    path("subscribed/", Subscribed.as_view()),
]
