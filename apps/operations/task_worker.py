"""
The queue's worker survives an outage.

A task that fails because something is away goes back to the queue. Between tasks it waits for the database.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import Error, connection
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult

from apps.sse.databases import is_away, use_unpooled_connections

from . import retries

POLL_SECONDS = 0.5

logger = logging.getLogger(__name__)


class Postponed(Exception):
    """A task has failed for now."""


class Worker(db_worker.Worker):
    """Tries a task again after a temporary error, for up to `retries.GIVE_UP_AFTER`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # By the path of a task: the number of failures in a row, and when it is tried again. So one mail at a
        # time finds out whether the mail server is back, and the others do not hold the worker.
        self._paused: dict[str, tuple[int, datetime]] = {}

    def run(self) -> None:
        """Run tasks. Wait while the database is away."""
        if connection.vendor == "postgresql":
            # A pool's back-off would delay the return.
            use_unpooled_connections()
        while self.running and not self._when_database_is_back(super().run):
            self.startup_delay = False

    def run_task(self, db_task_result: DBTaskResult) -> None:
        """Run a task. It fails only if its error is permanent or lasts too long."""
        result = db_task_result
        _failures, until = self._paused.get(result.task_path, (0, None))
        if until and until > timezone.now():
            self._requeue(result, until, result.return_value)
            return
        succeed, fail = result.set_successful, result.set_failed
        result.set_successful = partial(self._save, result, succeed)
        result.set_failed = partial(self._fail, result, fail)
        try:
            super().run_task(result)
        except Postponed:
            return
        self._paused.pop(result.task_path, None)

    def _save(self, result: DBTaskResult, save: Callable[[Any], None], value: Any) -> None:
        # The task has ended. Run again, it would send its mail twice.
        self._until_done(partial(save, value))

    def _fail(self, result: DBTaskResult, fail: Callable[[BaseException], None], error: BaseException) -> None:
        reason = retries.waits_for(error)
        now = timezone.now()
        waiting = result.return_value or {"since": now.isoformat(), "attempts": 0}
        if not reason or now - datetime.fromisoformat(waiting["since"]) > retries.GIVE_UP_AFTER:
            self._until_done(partial(fail, error))
            return
        failures = waiting["attempts"] + 1
        until = now + retries.pause(failures)
        if reason != "database":
            failed, _until = self._paused.get(result.task_path, (0, None))
            until = now + retries.pause(failed + 1)
            self._paused[result.task_path] = failed + 1, until
        logger.warning("Task %s waits for the %s (%s).", result.pk, reason, type(error).__name__)
        waiting |= {"attempts": failures, "waits_for": reason}
        self._until_done(partial(self._requeue, result, until, waiting))
        raise Postponed from error

    def _requeue(self, result: DBTaskResult, until: datetime, waiting: dict | None) -> None:
        # Unless another worker has taken it over. An attempt is no death of a worker, which `worker_ids` counts.
        ours = DBTaskResult.objects.filter(pk=result.pk, worker_ids=result.worker_ids)
        ours.exclude(status__in=(TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)).update(
            status=TaskResultStatus.READY,
            run_after=max(until, timezone.now() + timedelta(milliseconds=1)),
            worker_ids=result.worker_ids[:-1],
            return_value=waiting,
        )

    def _until_done(self, call: Callable[[], None]) -> None:
        while not self._when_database_is_back(call):
            pass

    def _when_database_is_back(self, call: Callable[[], None]) -> bool:
        """Call, and return True; after an error of the connection wait for the database, and return False."""
        try:
            call()
        except Error as error:
            if not is_away(error):
                raise
            logger.warning("The task worker waits for the database: %s", str(error).partition("\n")[0])
            wait_for_database()
            logger.warning("The task worker continues.")
            return False
        return True


def wait_for_database() -> None:
    """Return when the database answers."""
    while True:
        try:
            connection.close()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Error:
            time.sleep(POLL_SECONDS)
        else:
            return
