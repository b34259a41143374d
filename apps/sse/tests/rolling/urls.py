"""Channels at the address of a stream, one that leaves a trace of its end, and a form that needs no token."""

import asyncio
import os
import time
from pathlib import Path

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from apps.sse import SSEView
from apps.sse.tests.chaos.urls import Channels


class Traced(SSEView):
    """A stream that notes, in a file of the site's folder, that it begins and that it has cleaned up."""

    async def stream(self, request):
        trace = Path(os.environ["DATA_DIR"]) / "trace"
        with trace.open("a") as file:
            file.write("begun\n")
        try:
            while True:
                yield self.event("tick", "")
                await asyncio.sleep(0.5)
        finally:
            with trace.open("a") as file:
                file.write("cleaned up\n")


@csrf_exempt
def form(request):
    """Answer an ordinary request, which takes a moment."""
    time.sleep(0.05)
    return HttpResponse(request.body)


urlpatterns = [
    path("api/channels/stream/", Channels.as_view()),
    path("api/traced/stream/", Traced.as_view()),
    path("form/", form),
    path("accounts/login/", form, name="login"),
]
