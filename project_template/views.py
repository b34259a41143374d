"""Pages that belong to no app, and that stay whole when an app is taken out."""

import asyncio
import inspect

from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.site import load
from apps.sse import SSEView, rate_limited, shared

FIGURES_SECONDS = 5


def home(request: HttpRequest) -> HttpResponse:
    """The first page: for visitors what this is, for users what is theirs; below, what else there is."""
    context = {"beat": beat(), "source": SOURCE, "markup": MARKUP}
    return render(request, "home.html", context)


def beat() -> dict[str, str]:
    """Return the chart, and the figures of the apps."""
    counted = cache.get_or_set("home-figures", figures, FIGURES_SECONDS)
    return {"html": render_to_string("home.html#chart", load.drawn()), **counted}


def figures() -> dict[str, str]:
    """Return the figure of each app that has one."""
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
    """What the apps show in the header, over one of the six connections that HTTP/1.1 has for all tabs."""

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


@require_POST
@rate_limited
def notify_me(request: HttpRequest) -> HttpResponse:
    """Send whoever asks a notification: all of their tabs show it. The page's script gets an empty answer."""
    if not apps.is_installed("apps.notifications"):
        raise Http404
    if not request.user.is_authenticated:
        return redirect_to_login("/")
    from apps.notifications.notify import notify

    notify(request.user, _("This is your own notification"), url="/")
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return HttpResponse(status=204)
    messages.success(request, _("Sent. The bell shows it in all your tabs."))
    return redirect("home")
