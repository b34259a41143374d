"""This project: a channel view, and `publish()`."""

import json

from django.urls import path

from apps.sse import SSEView, apublish


class Ticks(SSEView):
    channels = ("bench",)


async def publish_tick(body):
    """Publish the JSON of the body."""
    await apublish("bench", "tick", json.loads(body))


urlpatterns = [path("ticks/", Ticks.as_view())]
