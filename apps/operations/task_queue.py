"""The queue of background tasks: waiting tasks and their waiting time."""

from collections.abc import Iterator

from django.apps import apps
from django.db import Error
from django.db.models import Case, Count, Max, Min, When
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric


def waiting_tasks() -> dict[str, float] | None:
    """
    Return the number of tasks that are due, and for how many seconds the oldest has been due.

    More than a minute means that workers are missing. None without a queue or a database.
    """
    if not apps.is_installed("django_tasks_db"):
        return None
    from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet

    now = timezone.now()
    # A task to run at once has the largest possible `run_after`.
    due_since = Case(When(run_after__gt=now, then="enqueued_at"), default="run_after")
    try:
        due = DBTaskResultQuerySet(DBTaskResult).ready().aggregate(waiting=Count("pk"), since=Min(due_since))
    except Error:
        return None
    return {
        "waiting": due["waiting"],
        "seconds": round((now - (due["since"] or now)).total_seconds(), 1),
    }


def last_started() -> float | None:
    """Return the Unix time at which a worker last started a task; None if that is not known."""
    from django_tasks_db.models import DBTaskResult

    try:
        started_at = DBTaskResult.objects.aggregate(at=Max("started_at"))["at"]
    except Error:
        return None
    return started_at and started_at.timestamp()


class TaskCollector:
    """Metrics of the queue for `/metrics/`; none without a queue or a database."""

    def collect(self) -> Iterator[Metric]:
        waiting = waiting_tasks()
        if waiting is None:
            return
        yield GaugeMetricFamily("tasks_due", "Background tasks that are due and not started.", waiting["waiting"])
        yield GaugeMetricFamily(
            "tasks_due_seconds", "Seconds since the oldest of them became due.", waiting["seconds"]
        )
        if at := last_started():
            text = "Unix time at which a worker last started a task."
            yield GaugeMetricFamily("tasks_last_taken_timestamp_seconds", text, at)
