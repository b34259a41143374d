import os

from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
from django_tasks_db.management.commands import db_worker

from apps.operations.watchdog import Watchdog
from apps.sse import processes


class Command(db_worker.Command):
    """The queue's own worker, with a watchdog; it counts as a worker before its first task."""

    def handle(self, **options):
        # The process that only watches the code for another is no worker.
        if not options["reload"] or DJANGO_AUTORELOAD_ENV in os.environ:
            processes.start("worker")
        watchdog = Watchdog()
        watchdog.start()
        try:
            super().handle(**options)
        finally:
            watchdog.stopped.set()
