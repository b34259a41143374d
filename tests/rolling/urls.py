"""Channels at the address of a stream, and a form that needs no token."""

import time

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tests.chaos.urls import Channels


@csrf_exempt
def form(request):
    """Answer an ordinary request, which takes a moment."""
    time.sleep(0.05)
    return HttpResponse(request.body)


urlpatterns = [
    path("api/channels/stream/", Channels.as_view()),
    path("form/", form),
    path("accounts/login/", form, name="login"),
]
