from django.shortcuts import render
from django.utils import timezone

from apps.sse import SSEView


class News(SSEView):
    """A channel; whoever asks to go on from a place that is past is told `sse:reset`."""

    channels = ["guide-lines"]


def part(request):
    """The part of the page that is fetched anew then."""
    return render(request, "guide/_part.html", {"now": timezone.now()})
