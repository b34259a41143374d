"""
Deletes expired data. The bundled deployments run it every day.

The job of an app is the method `daily()` of its `AppConfig`.
"""

from collections.abc import Callable, Iterator
from functools import partial

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

# Commands of third-party apps.
COMMANDS = {"django.contrib.sessions": "clearsessions", "django_tasks_db": "prune_db_task_results"}


class Command(BaseCommand):
    help = "Runs the daily jobs of all apps. They delete, for example, expired sessions and old notifications."

    def handle(self, **options):
        failed = [name for name, job in self.jobs() if not self.succeeds(name, job)]
        if failed:
            raise CommandError(f"These jobs failed: {', '.join(failed)}.")

    def jobs(self) -> Iterator[tuple[str, Callable]]:
        """Yield the daily jobs of all installed apps, each with its name."""
        for config in apps.get_app_configs():
            if command := COMMANDS.get(config.name):
                yield command, partial(call_command, command, stdout=self.stdout, stderr=self.stderr)
            if hasattr(config, "daily"):
                yield config.label, config.daily

    def succeeds(self, name: str, job: Callable) -> bool:
        """Run a job and return whether it succeeded. A failure does not stop the other jobs."""
        self.stdout.write(f"{name} ...")
        try:
            job()
        except (Exception, SystemExit) as error:
            self.stderr.write(f"{name}: {type(error).__name__}: {error}")
            return False
        return True
