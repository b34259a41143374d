"""
Deletes expired data. The bundled deployments run it every day.

An app lists its own commands in its `AppConfig`: `daily_commands = ("prune_notifications",)`.
"""

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext_lazy as _

# Commands of third-party apps.
KNOWN = {"django.contrib.sessions": ("clearsessions",), "django_tasks_db": ("prune_db_task_results",)}


class Command(BaseCommand):
    help = _(
        "Runs the daily commands of all apps: they delete expired sessions and old notifications, for example."
    )

    def handle(self, **options):
        failed = [command for command in daily_commands() if not self.succeeds(command)]
        if failed:
            raise CommandError(f"These commands failed: {', '.join(failed)}.")

    def succeeds(self, command: str) -> bool:
        """Run a command and return whether it succeeded. A failure does not stop the other commands."""
        self.stdout.write(f"{command} ...")
        try:
            call_command(command, stdout=self.stdout, stderr=self.stderr)
        except (Exception, SystemExit) as error:
            self.stderr.write(f"{command}: {type(error).__name__}: {error}")
            return False
        return True


def daily_commands() -> list[str]:
    """Return the daily commands of all installed apps."""
    return [
        command
        for config in apps.get_app_configs()
        for command in KNOWN.get(config.name, getattr(config, "daily_commands", ()))
    ]
