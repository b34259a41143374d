"""The first page and the header, which work without any of the sample apps."""

import asyncio
import inspect

from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.formats import number_format

from apps.site import load
from apps.sse import SSEView, shared

FIGURES_SECONDS = 5


def home(request: HttpRequest) -> HttpResponse:
    """The first page: an introduction for visitors, their own data for users, and links to all apps."""
    context = {"beat": beat(), "source": SOURCE, "markup": MARKUP}
    return render(request, "home.html", context)


def beat() -> dict[str, str]:
    """Return the chart and the figures of the apps."""
    counted = cache.get_or_set("home-figures", figures, FIGURES_SECONDS)
    return {"html": render_to_string("home.html#chart", load.chart()), **counted}


def figures() -> dict[str, str]:
    """Return the figure of each app that has one, formatted."""
    found = {app.label: app.live_figure() for app in apps.get_app_configs() if hasattr(app, "live_figure")}
    return {
        name: number_format(figure, force_grouping=True) for name, figure in found.items() if figure is not None
    }


@shared
async def beats():
    while True:
        yield await sync_to_async(beat)()
        await asyncio.sleep(1)


class HeaderStream(LoginRequiredMixin, SSEView):
    """The header's updates from all apps in one stream: HTTP/1.1 has six connections for all tabs."""

    raise_exception = True

    def get_channels(self, request):
        found = [app for app in apps.get_app_configs() if hasattr(app, "header_channels")]
        return [channel for app in found for channel in app.header_channels(request.user)]


class HomeStream(SSEView):
    joinable = True

    async def stream(self, request):
        async for each in beats():
            yield self.event("beat", each)


# Shown beside the chart.
MARKUP = """<div dj-sse="/api/home/stream/"
     dj-sse-event="beat"
     dj-sse-mode="replace"></div>
"""
SOURCE = "\n\n".join(inspect.getsource(inspect.unwrap(each)) for each in (beats, HomeStream))
