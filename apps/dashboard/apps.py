from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, post_save, pre_migrate
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    name = "apps.dashboard"
    verbose_name = _("Dashboard")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.sse import processes

        from . import changes, counting, recorder, rollups

        counting.register()
        connection_created.connect(changes.watch)
        post_save.connect(changes.note_save)
        pre_migrate.connect(lambda using, **_: changes.migrating.add(using), sender=self, weak=False)
        post_migrate.connect(lambda using, **_: changes.migrating.discard(using), sender=self, weak=False)
        processes.collected.connect(recorder.record)
        processes.collected.connect(rollups.schedule.run)

    def may_open(self, user) -> bool:
        """Return whether pages show this user the link to the app."""
        from .views import PAGES, may_view

        return any(may_view(user, page) for page in PAGES)

    def live_figure(self) -> float | None:
        """Return the requests per second; None if the dashboard is not public."""
        from . import history

        if not getattr(settings, "DASHBOARD_PUBLIC", False):
            return None
        points = history.recent()
        return round(points[-1]["requests"], 1) if points else 0
