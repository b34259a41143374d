import time

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from apps.sse import SSEView, publish, publish_html, rate_limited


class MyNotifications(SSEView):
    """Notifications of the user. The URL does not name the channel, so users cannot request another."""

    def get_channels(self, request):
        if not request.user.is_authenticated:
            raise PermissionDenied
        return [channel(request.user)]


@login_required
@require_POST
@rate_limited
def remind(request):
    """Publish a reminder to the user."""
    number = time.time_ns() // 1_000_000
    html = render_to_string("guide/_notification.html", {"number": number, "text": "You asked for this reminder."})
    publish(channel(request.user), "notification", {"html": html})
    return HttpResponse(status=204)


@login_required
@require_POST
@rate_limited
def mark_read(request, number):
    """Replace the button with the word "read" in all tabs of the user."""
    publish_html(channel(request.user), f"#guide-notification-{number} button", "read", mode="outer")
    return HttpResponse(status=204)


def channel(user):
    return f"guide-notifications:{user.pk}"
