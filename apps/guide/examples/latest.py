from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from apps.sse import SSEView, publish, rate_limited

COLOURS = ["green", "amber", "red"]


class Light(SSEView):
    """The colour of a light: a new client receives the latest event immediately."""

    channels = ["guide-light"]
    follow = "latest"


@login_required
@require_POST
@rate_limited
def switch(request):
    """Change the colour for all viewers."""
    if (colour := request.POST.get("colour")) not in COLOURS:
        raise BadRequest("colour must be green, amber or red")
    publish("guide-light", "light", {"colour": colour, "by": request.user.get_username()})
    return HttpResponse(status=204)
