"""What a worker does with a task: batches, until it is done, cancelled, or the worker is to stop."""

import logging

from django.db import InterfaceError, OperationalError, reset_queries, transaction
from django.tasks import task as background
from django.utils import timezone

from . import exporting, importing, life, progress
from .models import Task
from .stopping import told_to_stop

BATCHES = {Task.Kind.IMPORT: importing.batches, Task.Kind.EXPORT: exporting.batches}
MOVED = ["file", "place", "total", "done", "rows", "bad", "rate", "left", "beat_at", "tries"]

logger = logging.getLogger(__name__)


@background
def run(task_id: int) -> None:
    """Go on with a task, unless it is at an end or another worker is at it."""
    task = life.claim(task_id)
    if task is None:
        return
    try:
        work(task)
    except life.Lost:
        logger.info("Task %s was cancelled or taken over by another worker.", task_id)
    except importing.TooManyErrors:
        life.fail(task)
    except (OperationalError, InterfaceError):
        # The database may be back by the time at which the silence is noticed.
        raise
    except Exception:
        life.fail(task)
        raise


def work(task: Task) -> None:
    """Do what is left of a claimed task, or give it back if this process is told to stop."""
    meter = progress.Meter(task)
    with told_to_stop() as stopping:
        for batch in BATCHES[task.kind](task):
            commit(task, batch, meter)
            # With DEBUG on, Django would keep the text of all the queries of a task.
            reset_queries()
            if stopping():
                life.release(task)
                return
        life.finish(task)


def commit(task: Task, batch, meter: progress.Meter) -> None:
    """Write a batch, how far the task has come with it, and a sign of life, all in one transaction."""
    with transaction.atomic():
        life.hold(task)
        batch()
        meter.measure(task)
        task.beat_at, task.tries = timezone.now(), 0
        task.save(update_fields=MOVED)
        if meter.is_due():
            progress.tell(task)
