"""Streams that show what a server does with them."""

import asyncio
import os
import signal
import threading
from pathlib import Path

from django.contrib.auth import get_user_model
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views import View

from apps.sse import SSEMixin, SSEView, shared
from apps.sse.access import limits
from apps.sse.stream import registry
from apps.sse.tests.chaos.urls import Channels, say

for name in ("TICK_SECONDS", "LINGER_SECONDS"):
    setattr(registry, name, float(os.environ.get(name, getattr(registry, name))))


def note(line):
    """Add a line to the file that the test reads."""
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(line + "\n")


class Forever(SSEView):
    """Counts up; notes its end after an await."""

    async def stream(self, request):
        try:
            while True:
                yield self.event("count", {"pid": os.getpid()})
                await asyncio.sleep(0.05)
        finally:
            await asyncio.sleep(0.01)
            note("finally")


class Idle(SSEView):
    """Sends one event, then only keepalives."""

    sse_keepalive_interval = 1

    async def stream(self, request):
        try:
            yield self.event("word", "hello")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            note("finally")


class Wide(SSEView):
    """Sends 80 KB a second and notes its end."""

    async def stream(self, request):
        try:
            while True:
                yield self.event("wide", "x" * 4000)
                await asyncio.sleep(0.05)
        finally:
            note("finally")


class Quick(Idle):
    """The same, with a keepalive at each tick of the timer."""

    sse_keepalive_interval = 0.2


class QuickChannel(SSEView):
    """A channel without events."""

    channels = ["quiet"]
    sse_keepalive_interval = 0.2


class Large(SSEView):
    """Sends events that are larger than all buffers of a socket (4 MB on Linux)."""

    async def stream(self, request):
        try:
            while True:
                yield self.event("large", "x" * 10**7)
        finally:
            note("finally")


class Querying(SSEView):
    """Queries the database repeatedly."""

    async def stream(self, request):
        while True:
            yield self.event("users", await get_user_model().objects.acount())
            await asyncio.sleep(0.2)


class QueryingOnce(SSEView):
    """Queries the database once, then sends nothing."""

    async def stream(self, request):
        yield self.event("users", await get_user_model().objects.acount())
        await asyncio.Event().wait()


class Finite(SSEView):
    """Sends three events and is finished."""

    async def stream(self, request):
        for number in range(3):
            yield self.event("number", number)


class Asked(SSEView):
    """Sends what the request says, and the number of headers that the server keeps."""

    async def stream(self, request):
        kept = getattr(request, "scope", {"headers": ()})["headers"]
        more = [request.resolver_match.route, request.META["HTTP_X_COLOUR"]]
        yield self.event("asked", [request.headers["X-Colour"], request.COOKIES, more, len(kept)])


class Compressed(Channels):
    """The channels that the URL names, compressed."""

    sse_compress = True


class CompressedFinite(Finite):
    """Sends three events and is finished, compressed."""

    sse_compress = True


class Broken(SSEView):
    """Raises after an event."""

    async def stream(self, request):
        yield self.event("number", 1)
        raise RuntimeError("the secret reason")


class Debugged(SSEView):
    """Enters the debugger between its events."""

    async def stream(self, request):
        yield self.event("number", 1)
        breakpoint()
        while True:
            yield self.event("number", 2)
            await asyncio.sleep(0.05)


class Interrupted(SSEView):
    """Sends SIGINT to a thread other than the main one, as the system may."""

    async def stream(self, request):
        yield self.event("word", "hello")
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        await asyncio.Event().wait()


class Mixed(SSEMixin, View):
    """A plain view with a stream."""

    async def get(self, request):
        return self.sse_response(self.numbers())

    async def numbers(self):
        for number in range(3):
            yield self.event("number", number)


@shared
async def ticks():
    """Note each start and count up."""
    note("producer started")
    number = 0
    try:
        while True:
            number += 1
            yield number
            await asyncio.sleep(0.05)
    finally:
        note("producer stopped")


class Shared(SSEView):
    """Follows the shared producer."""

    async def stream(self, request):
        async for number in ticks():
            yield self.event("tick", number)


async def tasks(request):
    """Count the tasks of this process's event loop."""
    return HttpResponse(len(asyncio.all_tasks()))


def state(request):
    """Return what this process has open."""
    users = limits.connection_counts.counts["SSE_MAX_PER_USER"]
    return JsonResponse(
        {
            "streams": registry.open_streams(),
            "counted": limits.connection_counts.counts["SSE_MAX_TOTAL"].total(),
            "users": sorted(users.keys() - {None}),
            "anonymous": users[None],
            "threads": threading.active_count(),
        }
    )


urlpatterns = [
    path("state/", state),
    path("tasks/", tasks),
    path("channels/", Channels.as_view()),
    path("say/", say),
    *[
        path(f"{view.__name__.lower()}/", view.as_view())
        for view in (
            Forever,
            Idle,
            Wide,
            Quick,
            QuickChannel,
            Large,
            Querying,
            QueryingOnce,
            Finite,
            Asked,
            Compressed,
            CompressedFinite,
            Broken,
            Debugged,
            Interrupted,
            Mixed,
            Shared,
        )
    ],
    path("quiet/", SSEView.as_view(channels=["quiet"], sse_keepalive_interval=1)),
    path("", include(os.environ["PROJECT_SETTINGS"].replace("settings", "urls"))),
]
