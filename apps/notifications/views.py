from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import BadRequest, PermissionDenied
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from apps.sse import LivePageMixin, SSEView

from . import broadcasting, inbox
from .acts import Act, moment
from .models import Broadcast

PAGE = 20


class NotificationsView(LoginRequiredMixin, LivePageMixin, TemplateView):
    """One's notifications, all or the unread ones, the newest first."""

    template_name = "notifications/notifications.html"

    def get_context_data(self, **kwargs):
        show, before = self.request.GET.get("show", "all"), self.request.GET.get("before")
        if show not in ("all", "unread"):
            raise BadRequest("show must be all or unread")
        if before is not None and not (before.isdecimal() and len(before) < 19):
            raise BadRequest("before must be the number of a notification")
        mine = self.request.user.notifications
        shown = mine.unread() if show == "unread" else mine.present()
        found = list(shown.before(before)[: PAGE + 1])
        return {
            **super().get_context_data(**kwargs),
            "notifications": found[:PAGE],
            "has_older": len(found) > PAGE,
            "is_newest": before is None,
            "show": show,
            # The bell in the header hears the stream of this page.
            "has_notification_stream": True,
        }


class NotificationStream(LoginRequiredMixin, SSEView):
    """What happens to one's own notifications, and to nobody else's."""

    raise_exception = True

    async def get_channels(self, request):
        return [inbox.channel(request.user.pk)]


class ReadView(Act):
    def post(self, request, pk):
        changes = inbox.mark_read(request.user, self.one(pk))
        return self.done(changes, _("Marked as read."), undo="notification-unread")


class UnreadView(Act):
    def post(self, request, pk):
        changes = inbox.mark_unread(request.user, self.one(pk))
        return self.done(changes, _("Marked as unread."), undo="notification-read")


class DeleteView(Act):
    def post(self, request, pk):
        return self.done(inbox.delete(request.user, self.one(pk)), _("Deleted."), undo="notification-restore")


class RestoreView(Act):
    def post(self, request, pk):
        return self.done(inbox.restore(request.user, self.one(pk)), _("Restored."))


class ReadAllView(Act):
    def post(self, request):
        now = timezone.now()
        changes = inbox.mark_read(request.user, request.user.notifications.unread(), at=now)
        if not changes:
            return self.done(changes, _("Nothing was unread."))
        return self.done(changes, _("All marked as read."), undo="notifications-unread", read_at=now.isoformat())


class UnreadAgainView(Act):
    """Undoes one marking of all: what was marked at that moment is unread again."""

    def post(self, request):
        at = moment(request.POST.get("read_at", ""))
        marked = request.user.notifications.present().filter(read_at=at)
        return self.done(inbox.mark_unread(request.user, marked), _("Marked as unread."))


class BroadcastStream(SSEView):
    """How far a broadcast has come, for staff."""

    follow = "latest"

    def get_channels(self, request):
        if not request.user.has_perm("notifications.view_broadcast"):
            raise PermissionDenied
        return [broadcasting.channel(get_object_or_404(Broadcast, pk=self.kwargs["pk"]))]
