from django.apps import AppConfig
from django.db.models import Sum
from django.tasks.signals import task_finished
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    name = "apps.tasks"
    verbose_name = _("Tasks")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from . import work

        task_finished.connect(work.on_finished)

    def daily(self) -> None:
        """Delete files that nobody has retried."""
        from . import work

        work.discard_old_files()

    def figures(self, figure) -> list:
        """Return what the dashboard shows of the imports."""
        tasks = self.get_model("Task").objects
        failed = tasks.filter(state="failed")
        return [
            figure(_("Imports"), tasks, at="created_at"),
            figure(_("Imported rows"), tasks, at="created_at", value=Sum("rows")),
            figure(_("Failed imports"), failed, at="created_at"),
        ]

    def live_figure(self) -> int:
        """Return the number on the first page: unfinished tasks of all users."""
        from .models import Task

        return Task.objects.filter(state__in=Task.UNFINISHED).count()
