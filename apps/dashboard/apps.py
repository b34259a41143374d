from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    name = "apps.dashboard"
    verbose_name = _("Dashboard")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import signals  # noqa: F401 - connects its receivers

    def may_open(self, user) -> bool:
        """Return whether the first page may lead a user here."""
        from .views import may_look

        return may_look(user)

    def live_figure(self) -> float:
        """Return what the first page shows to everybody: requests per second, 0 if the dashboard is not public."""
        from . import stats

        points = stats.recent() if getattr(settings, "DASHBOARD_PUBLIC", False) else []
        return round(points[-1]["requests"], 1) if points else 0
