from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    name = "apps.tasks"
    verbose_name = _("Tasks")
    default_auto_field = "django.db.models.BigAutoField"

    def live_figure(self) -> int:
        """Return what the first page shows: how many tasks are under way."""
        task = self.get_model("Task")
        return task.objects.filter(state__in=task.UNDER_WAY).count()
