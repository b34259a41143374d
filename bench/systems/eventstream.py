"""The package django-eventstream, as in the beginning of its documentation."""

import json

from asgiref.sync import sync_to_async
from django.urls import include, path
from django_eventstream import send_event


async def publish_tick(body):
    """Publish the JSON of the body."""
    await sync_to_async(send_event)("bench", "tick", json.loads(body))


urlpatterns = [path("ticks/", include("django_eventstream.urls"), {"channels": ["bench"]})]
