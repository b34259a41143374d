"""Pages that belong to no app."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.dashboard.views import may_look


def home(request: HttpRequest) -> HttpResponse:
    """Start those who may see the dashboard there, and everybody else on a page of their own."""
    if may_look(request.user):
        return redirect("dashboard")
    return render(request, "home.html")
