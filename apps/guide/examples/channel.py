from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from apps.sse import SSEView, publish, rate_limited

MAX_CHARACTERS = 80


class Lines(SSEView):
    """The lines that users publish."""

    channels = ["guide-lines"]


@login_required
@require_POST
@rate_limited
def publish_line(request):
    """Publish a line. In a transaction, it is sent on commit."""
    text = request.POST.get("text", "").strip()[:MAX_CHARACTERS] or "Hello"
    line = format_html("<li><b><bdi>{}</bdi></b> <span dir='auto'>{}</span></li>", request.user, text)
    publish("guide-lines", "line", {"html": line})
    return HttpResponse(status=204)
