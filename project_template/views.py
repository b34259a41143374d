"""Pages that belong to no app, and that stay whole when an app is taken out."""

import asyncio

from django.apps import apps
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.sse import SSEView, connections, metrics, rate_limited, shared


def home(request: HttpRequest) -> HttpResponse:
    """The first page: numbers that move, a notification to send to oneself, and what else there is."""
    return render(request, "home.html", {"pulse": beat()})


def beat() -> dict[str, str | int]:
    """Return what this process is doing."""
    return {
        "time": f"{timezone.localtime():%H:%M:%S}",
        "streams": connections.open_streams(),
        "delivered": metrics.counts["delivered"],
    }


@shared
async def pulse():
    """Yield what this process is doing, every second."""
    while True:
        yield beat()
        await asyncio.sleep(1)


class HomeStream(SSEView):
    """The numbers of the first page, which a page that joins late has already."""

    joinable = True

    async def stream(self, request):
        async for news in pulse():
            yield self.event("pulse", news)


@require_POST
@rate_limited
def notify_me(request: HttpRequest) -> HttpResponse:
    """Send whoever asks a notification: all of their tabs show it. The page's script gets an empty answer."""
    if not apps.is_installed("apps.notifications"):
        raise Http404
    if not request.user.is_authenticated:
        return redirect_to_login("/")
    from apps.notifications.notify import notify

    notify(request.user, _("This is the notification that you have sent to yourself"), url="/")
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return HttpResponse(status=204)
    messages.success(request, _("Sent. The bell has counted it, in your other tabs too."))
    return redirect("home")
