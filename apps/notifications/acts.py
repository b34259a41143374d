"""What the views of buttons have in common: whose notifications they are about, and how they answer."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.decorators import method_decorator
from django.views.generic import View

from apps.sse import rate_limited


@method_decorator(rate_limited, name="dispatch")
class Act(LoginRequiredMixin, View):
    """What a button does: the page's script is answered with JSON, a plain form with the list."""

    http_method_names = ["post"]

    def handle_no_permission(self):
        return redirect_to_login(reverse("notifications"))

    def one(self, pk):
        """Return the user's notification of that number, as a set of one; for others it is not there."""
        one = self.request.user.notifications.filter(pk=pk)
        get_object_or_404(one)
        return one

    def done(self, changes, text, undo="", **values):
        undo = {"url": undo and reverse(undo, kwargs=self.kwargs), "values": values}
        if self.request.get_preferred_type(["application/json", "text/html"]) == "application/json":
            return JsonResponse({"ok": True, "changes": changes, "text": text, "undo": undo})
        messages.success(self.request, render_to_string("notifications/_done.html", {"text": text, "undo": undo}))
        return redirect(reverse("notifications") + "?show=unread" * (self.request.POST.get("show") == "unread"))


def moment(text):
    """Return the moment that a form has sent; raises `BadRequest` if it is none."""
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None or timezone.is_naive(at):
        raise BadRequest("read_at must be the time at which all were marked, with a time zone")
    return at
