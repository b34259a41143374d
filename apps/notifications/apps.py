from datetime import timedelta

from django.apps import AppConfig
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "apps.notifications"
    verbose_name = _("Notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def daily(self) -> None:
        """Delete old notifications: called by `manage.py housekeeping`."""
        from .notify import prune

        prune()

    def figures(self, figure) -> list:
        """Return what the dashboard shows of the notifications."""
        return [figure(_("Notifications read"), self.get_model("Notification").objects, at="read_at")]

    def header_channels(self, user) -> list[str]:
        """Return the channel of the bell."""
        from .notify import channel

        return [channel(user.pk)]

    def live_figure(self) -> int:
        """Return the number on the first page: notifications of the last 24 hours."""
        day_ago = timezone.now() - timedelta(days=1)
        return self.get_model("Notification").objects.filter(created_at__gt=day_ago).count()
