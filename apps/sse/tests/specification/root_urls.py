"""The URLs of the examples, before those of the project."""

import os

from django.contrib.auth import get_user_model
from django.contrib.auth import login as log_in
from django.http import JsonResponse
from django.urls import include, path

from . import complete, views
from .models import Notification

STREAMS = {
    "default": complete.DefaultSSE,
    "unnumbered": complete.UnnumberedSSE,
    "open": complete.OpenSSE,
    "friendly": complete.FriendlySSE,
    "slow": complete.SlowSSE,
    "mount-and-stream": complete.MountAndStream,
    "events": complete.Events,
    "dom": views.DOMUpdates,
    "updates": complete.DashboardStreamView,
    "notifications": complete.NotificationSSE,
    "progress": complete.TaskProgressSSE,
    "feed": complete.LiveFeedSSE,
    "rendered-notifications": complete.NotificationStreamSSE,
}


def login(request, name):
    """Log a user in, who is created if necessary."""
    user, _ = get_user_model().objects.get_or_create(username=name)
    log_in(request, user)
    return JsonResponse({"id": user.pk})


def notify(request, text):
    """Store a notification for the user."""
    return JsonResponse(Notification.objects.create(user=request.user, text=text).to_dict())


def read(request):
    """Return which notifications the user has read."""
    return JsonResponse(
        {"read": list(request.user.notification_set.filter(read=True).values_list("pk", flat=True))}
    )


urlpatterns = [
    path("", include("apps.sse.tests.specification.urls")),
    *[path(f"{name}/", view.as_view()) for name, view in STREAMS.items()],
    path("page/", views.DashboardView.as_view()),
    path("read/<int:pk>/", views.MarkReadView.as_view()),
    path("given/login/<name>/", login),
    path("given/notify/<text>/", notify),
    path("given/read/", read),
    path("", include(os.environ["PROJECT_SETTINGS"].replace("settings", "urls"))),
]
