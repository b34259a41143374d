"""
Leases of background tasks: the watchdog of each worker finds the tasks of dead workers.

`run_after` of a running task is the end of its lease. A worker takes the lease when it claims the task, and renews
it. A worker that was only frozen continues, so a task may run twice at the same time.
"""

import logging
from datetime import timedelta
from threading import Event, Thread
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished
from django.utils import timezone
from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet

from apps.sse.databases import is_away

LEASE, RENEW_SECONDS = timedelta(seconds=10), 3
MAX_ATTEMPTS = 5

logger = logging.getLogger(__name__)


class Watchdog(Thread):
    """Renews the lease of this process's task, and queues the tasks of dead workers again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.claimed: Any = None
        self.stopped = Event()
        post_save.connect(self.on_save, sender=DBTaskResult)

    def on_save(self, instance: DBTaskResult, **kwargs) -> None:
        """Take the lease in the transaction of the claim."""
        if instance.status == TaskResultStatus.RUNNING:
            self.claimed = instance.pk
            renew(instance.pk)

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                renew(self.claimed)
                requeue_expired()
            except Exception as error:
                # The worker logs that the database is away.
                if not is_away(error):
                    logger.exception("Leases were not renewed. Next attempt in %s seconds.", RENEW_SECONDS)
            connection.close()
            self.stopped.wait(RENEW_SECONDS)


def running() -> QuerySet[DBTaskResult]:
    return DBTaskResultQuerySet(DBTaskResult).running()


def renew(pk) -> None:
    running().filter(pk=pk).update(run_after=timezone.now() + LEASE)


@transaction.atomic
def requeue_expired() -> None:
    """Queue tasks with an expired lease again; fail them after `MAX_ATTEMPTS`."""
    for result in running().filter(run_after__lt=timezone.now()).select_for_update():
        logger.warning("The worker of task %s (%s) has died.", result.pk, result.task_path)
        if len(result.worker_ids) < MAX_ATTEMPTS:
            DBTaskResult.objects.filter(pk=result.pk).update(status=TaskResultStatus.READY)
        else:
            result.set_failed(ChildProcessError(f"Its worker has died {MAX_ATTEMPTS} times."))
            task_finished.send(type(result.task.get_backend()), task_result=result.task_result)
