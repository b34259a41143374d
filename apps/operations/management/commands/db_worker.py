import os

from django.conf import settings
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
from django_tasks_db.management.commands import db_worker

from apps.operations.task_worker import Worker
from apps.operations.watchdog import Watchdog
from apps.sse import processes

# The queue has no setting for the class of its worker.
db_worker.Worker = Worker  # type: ignore[misc]


class Command(db_worker.Command):
    """The queue's own worker with a watchdog and retries. It counts as a worker before its first task."""

    # So `make run` names unapplied migrations after each edit.
    requires_migrations_checks = settings.DEBUG

    def handle(self, **options):
        # The parent process of the autoreloader is not a worker.
        if not options["reload"] or DJANGO_AUTORELOAD_ENV in os.environ:
            processes.start("worker")
        watchdog = Watchdog()
        watchdog.start()
        try:
            super().handle(**options)
        finally:
            watchdog.stopped.set()
