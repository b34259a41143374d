"""The list, its stream, and the buttons, which are plain HTTP."""

from datetime import UTC, datetime
from functools import wraps

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from apps.sse import LivePageMixin, SSEView, rate_limited

from . import broadcasting
from .models import NOT_DELETED, UNREAD, Broadcast, Notification
from .notify import change, channel, notify

PAGE_SIZE = 20
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f%z"


class NotificationsView(LoginRequiredMixin, LivePageMixin, TemplateView):
    """All or the unread notifications of the user, newest first."""

    template_name = "notifications/notifications.html"

    def get_context_data(self, **kwargs):
        show, before = self.request.GET.get("show", "all"), self.request.GET.get("before")
        if show not in ("all", "unread"):
            raise BadRequest("show must be all or unread")
        if before is not None and not (before.isdecimal() and len(before) < 19):
            raise BadRequest("before must be the id of a notification")
        shown = UNREAD if show == "unread" else NOT_DELETED
        shown = shown if before is None else shown & Q(pk__lt=before)
        mine = Notification.objects.filter(shown, recipient=self.request.user)
        found = list(mine.select_related("actor").order_by("-pk")[: PAGE_SIZE + 1])
        return {
            **super().get_context_data(**kwargs),
            "notifications": found[:PAGE_SIZE],
            "has_older": len(found) > PAGE_SIZE,
            "is_newest": before is None,
            "show": show,
        }


class NotificationStream(LoginRequiredMixin, SSEView):
    """Changes of the user's own notifications. The channel is not in the URL."""

    raise_exception = True

    async def get_channels(self, request):
        return [channel(request.user.pk)]


def action(view):
    """
    Make a button's view from a function that returns the changes, a message, and the URL that undoes them.

    The page's script receives them as JSON. A plain form shows the list with the message.
    """

    @require_POST
    @rate_limited
    @wraps(view)
    def respond(request, *args, **kwargs):
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("notifications"))
        changes, text, undo = view(request, *args, **kwargs)
        if request.get_preferred_type(["application/json", "text/html"]) == "application/json":
            return JsonResponse({"ok": True, "changes": changes, "text": text, "undo": undo})
        if undo:
            button = '{} <button class="button is-quiet" form="notification-actions" formaction="{}">{}</button>'
            text = format_html(button, text, undo, _("Undo"))
        messages.success(request, text)
        return redirect(reverse("notifications") + "?show=unread" * (request.POST.get("show") == "unread"))

    return respond


def change_one(request, pk, **state):
    """Change one of the user's notifications. Those of other users are not found."""
    one = request.user.notifications.filter(pk=pk)
    get_object_or_404(one)
    return change(request.user, one, **state)


@action
def read(request, pk):
    changes = change_one(request, pk, read_at=timezone.now())
    return changes, _("Marked as read."), reverse("notification-unread", args=[pk])


@action
def unread(request, pk):
    return change_one(request, pk, read_at=None), _("Marked as unread."), reverse("notification-read", args=[pk])


@action
def delete(request, pk):
    changes = change_one(request, pk, deleted_at=timezone.now())
    return changes, _("Deleted."), reverse("notification-restore", args=[pk])


@action
def restore(request, pk):
    return change_one(request, pk, deleted_at=None), _("Restored."), ""


@action
def read_all(request):
    now = timezone.now()
    changes = change(request.user, request.user.notifications.unread(), read_at=now)
    if not changes:
        return changes, _("Nothing was unread."), ""
    undo = f"{reverse('notifications-unread')}?{urlencode({'read_at': now.strftime(TIME_FORMAT)})}"
    return changes, _("All marked as read."), undo


def parse_time(text: str) -> datetime:
    """Return a time in `TIME_FORMAT`; raises `BadRequest` for other text."""
    try:
        return datetime.strptime(text, TIME_FORMAT).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest("read_at must be a time with a time zone") from None


@action
def unread_all(request):
    """Undo `read_all`: mark the notifications of that time as unread."""
    marked = request.user.notifications.present().filter(read_at=parse_time(request.GET.get("read_at", "")))
    return change(request.user, marked, read_at=None), _("Marked as unread."), ""


@require_POST
@rate_limited
def notify_me(request):
    """Notify the user, in all their tabs. The page's script receives an empty response."""
    if not request.user.is_authenticated:
        return redirect_to_login("/")
    notify(request.user, _("This is your own notification"), url="/")
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return HttpResponse(status=204)
    messages.success(request, _("Sent. The bell shows it in all your tabs."))
    return redirect("/")


class BroadcastStream(SSEView):
    """The progress of a broadcast, for staff."""

    follow = "latest"

    def get_channels(self, request):
        if not request.user.has_perm("notifications.view_broadcast"):
            raise PermissionDenied
        return [broadcasting.channel(get_object_or_404(Broadcast, pk=self.kwargs["pk"]))]
