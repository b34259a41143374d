"""Channels that a test can follow and publish on, and the state of a process."""

import os
import threading
from collections import Counter

from django.contrib.auth import get_user_model, login
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
from django.db.backends.signals import connection_created
from django.http import HttpResponse, JsonResponse
from django.urls import path

from apps.sse import SSEView, publish
from apps.sse.stats import metrics
from apps.sse.stream import registry

queries: Counter[str] = Counter()


def count_query(execute, sql, params, many, context):
    """Count a query by the first of the tables below that it names."""
    for table in ("sse_loggedevent", "sse_outgoingevent", "django_session", "accounts_user"):
        if table in sql:
            queries[table] += 1
            break
    return execute(sql, params, many, context)


def count_queries_of(connection, **kwargs):
    """Count the queries of a connection."""
    if count_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(count_query)


connection_created.connect(count_queries_of)


class Channels(SSEView):
    """The channels that the URL names, for all clients."""

    async def get_channels(self, request):
        return request.GET.getlist("channel")


class Newest(Channels):
    """Only the newest event of each of them."""

    follow = "latest"


class Private(LoginRequiredMixin, Channels):
    """The same, for logged-in clients."""


def enter(request):
    """Log a user in."""
    login(request, get_user_model().objects.get(username="ada"))
    return HttpResponse()


def say(request):
    """Publish numbered texts in one transaction, on the channels in turn."""
    first, count, size = (int(request.GET.get(name, default)) for name, default in NUMBERS.items())
    channels = request.GET.getlist("channel")
    with transaction.atomic():
        for number in range(first, first + count):
            publish(channels[number % len(channels)], "item", {"n": number, "text": "x" * size})
    return HttpResponse()


NUMBERS = {"first": 1, "count": 1, "size": 0}


def state(request):
    """Return what this process has open and has done."""
    return JsonResponse(
        {
            "pid": os.getpid(),
            "streams": registry.open_streams(),
            "threads": threading.active_count(),
            "queries": queries,
            "counts": metrics.counts,
            "hang_ups": metrics.hang_ups,
        }
    )


urlpatterns = [
    path("channels/", Channels.as_view()),
    path("newest/", Newest.as_view()),
    path("soon/", Channels.as_view(sse_retry_ms=200)),
    path("private/", Private.as_view()),
    path("enter/", enter),
    path("say/", say),
    path("state/", state),
    path("accounts/login/", state, name="login"),
]
