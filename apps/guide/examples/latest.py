from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from apps.sse import SSEView, publish, rate_limited

COLOURS = ["green", "amber", "red"]


class Light(SSEView):
    """The colour of a light: who comes gets the newest at once, and never an older one."""

    channels = ["guide-light"]
    follow = "latest"


@login_required
@require_POST
@rate_limited
def switch(request):
    """Give the light another colour, for everybody."""
    if (colour := request.POST.get("colour")) not in COLOURS:
        raise BadRequest("colour is green, amber or red")
    publish("guide-light", "light", {"colour": colour, "by": request.user.get_username()})
    return HttpResponse(status=204)
