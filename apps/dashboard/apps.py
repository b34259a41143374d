from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    name = "apps.dashboard"
    verbose_name = _("Dashboard")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.sse import processes

        from . import counting, recorder

        counting.register()
        processes.collected.connect(recorder.record)

    def may_open(self, user) -> bool:
        """Return whether pages show this user the link to the app."""
        from .views import may_view

        return may_view(user)

    def live_figure(self) -> float | None:
        """Return the requests per second; None if the dashboard is not public."""
        from . import history

        if not getattr(settings, "DASHBOARD_PUBLIC", False):
            return None
        points = history.recent()
        return round(points[-1]["requests"], 1) if points else 0
