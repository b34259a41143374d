from django_tasks_db.management.commands import db_worker

from apps.operations.watchdog import Watchdog


class Command(db_worker.Command):
    """The queue's own worker, with a watchdog."""

    def handle(self, **options):
        watchdog = Watchdog()
        watchdog.start()
        try:
            super().handle(**options)
        finally:
            watchdog.stopped.set()
