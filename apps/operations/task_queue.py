"""How long background tasks have been waiting for a worker."""

from collections.abc import Iterator

from django.apps import apps
from django.db import Error
from django.db.models import Case, Count, Max, Min, When
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric


def waiting_tasks() -> dict[str, float] | None:
    """
    Return how many background tasks are due, and for how many seconds the first of them has been.

    More than a minute: there is no worker, or there are too few. None without a queue or a database.
    """
    if not apps.is_installed("django_tasks_db"):
        return None
    from django_tasks_db.models import DBTaskResult

    now = timezone.now()
    # What is to run at once has a moment far in the future.
    due_since = Case(When(run_after__gt=now, then="enqueued_at"), default="run_after")
    try:
        due = DBTaskResult.objects.ready().aggregate(waiting=Count("pk"), since=Min(due_since))
    except Error:
        return None
    return {
        "waiting": due["waiting"],
        "seconds": round((now - (due["since"] or now)).total_seconds(), 1),
    }


def last_taken() -> float | None:
    """Return when a worker last took a task, in seconds of Unix time; None if that is not known."""
    from django_tasks_db.models import DBTaskResult

    try:
        started_at = DBTaskResult.objects.aggregate(at=Max("started_at"))["at"]
    except Error:
        return None
    return started_at and started_at.timestamp()


class TaskCollector:
    """The queue as metrics for `/metrics/`; none without a queue or a database."""

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        waiting = waiting_tasks()
        if waiting is None:
            return
        yield GaugeMetricFamily("tasks_due", "Background tasks that are due and not started.", waiting["waiting"])
        yield GaugeMetricFamily(
            "tasks_due_seconds", "Seconds since the oldest of them became due.", waiting["seconds"]
        )
        if at := last_taken():
            text = "Unix time at which a worker last started a task."
            yield GaugeMetricFamily("tasks_last_taken_timestamp_seconds", text, at)
