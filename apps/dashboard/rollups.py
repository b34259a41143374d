"""The values of each figure by hour and day of the site's time zone. A task stores those of finished ones."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched, pairwise
from typing import NamedTuple

from django.db.models import QuerySet
from django.tasks import TaskResult, task
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone

from apps.sse import publish

from .changes import CHANNEL
from .figures import Figure, all_figures
from .models import Rollup

HOUR, DAY = Rollup.Step.HOUR, Rollup.Step.DAY
KEPT: dict[str, int] = {HOUR: 48, DAY: 60}
"""The number of hours and days that the page shows, twice its ranges; the last ones are not finished."""
LATEST = 2
"""The number of finished hours or days that are computed for the page if the task has not stored them yet."""
SLICE_SECONDS = 2
EVERY_SECONDS = 300
"""Each run leaves a row among the finished tasks, which are deleted daily."""


class Numbers(NamedTuple):
    """The values of a figure in hours or days with these starts, None if unknown, and the newest rows."""

    starts: list[datetime]
    values: list[float | None]
    newest: list[tuple[datetime, str]]


def start_of(step: str, moment: datetime) -> datetime:
    """
    Return the start of the hour or day that contains a moment, in the site's time zone.

    Where clocks change, a day has 23 or 25 hours, and the hour that a clock shows twice is two hours.
    """
    local = moment.astimezone(timezone.get_default_timezone()).replace(minute=0, second=0, microsecond=0)
    return (local.replace(hour=0, fold=0) if step == DAY else local).astimezone(UTC)


def edges(step: str, now: datetime) -> list[datetime]:
    """Return the starts of the hours or days that are kept, oldest first, and the end of the last one."""
    newest = end = start_of(step, now)
    while end == newest:
        now += timedelta(minutes=30)
        end = start_of(step, now)
    found = [end, newest]
    while len(found) <= KEPT[step]:
        found.append(start_of(step, found[-1] - timedelta(microseconds=1)))
    return found[::-1]


def measure(step: str, keys: Collection[str] | None = None) -> dict[str, Numbers]:
    """
    Return the numbers of some figures, or of all of them, by key.

    Finished hours or days are read from the table. The present one is computed, and so are the last two finished
    ones if the table does not have them yet. That is one query each for all figures, and one for the newest rows
    of each source.
    """
    bounds = edges(step, timezone.now())
    figures = [figure for key, figure in all_figures().items() if keys is None or key in keys]
    rows = Rollup.objects.filter(figure__in=[each.stored_as for each in figures], step=step, start__gte=bounds[0])
    values = {(name, start): value for name, start, value in rows.values_list("figure", "start", "value")}
    latest = [(figure, *hours) for hours in pairwise(bounds[-LATEST - 2 :]) for figure in figures]
    values |= totals(each for each in latest if (each[0].stored_as, each[1]) not in values)
    sources = {figure.source: figure for figure in figures}
    newest = {source: figure.newest(bounds[0], bounds[-1]) for source, figure in sources.items()}
    return {
        figure.key: Numbers(
            bounds[:-1], [values.get((figure.stored_as, start)) for start in bounds[:-1]], newest[figure.source]
        )
        for figure in figures
    }


def totals(asked: Iterable[tuple[Figure, datetime, datetime]]) -> dict[tuple[str, datetime], float]:
    """Return the values of figures between two moments each; a query per database computes 400 at most."""
    queries: dict[str, list[QuerySet]] = defaultdict(list)
    names: list[tuple[str, datetime]] = []
    for number, (figure, start, end) in enumerate(asked):
        query = figure.total(start, end, number)
        queries[query.db].append(query)
        names.append((figure.stored_as, start))
    unions = [union for each in queries.values() for union in batched(each, 400)]  # SQLite allows 500
    found = [row for first, *others in unions for row in first.union(*others, all=True)]
    return dict.fromkeys(names, 0.0) | {names[number]: value for number, value in found if value}


@task
def roll_up() -> None:
    """
    Compute finished hours and days: first those that are missing, then the ones computed longest ago.

    It takes at most two seconds, and queues itself again if values are still missing. Rows that are added, changed
    or deleted in the past count after the next run, with many millions of rows after some runs.
    """
    deadline, changed = time.monotonic() + SLICE_SECONDS, set()
    now = timezone.now()
    computed: list[Rollup] = []
    known = {(row.figure, row.step, row.start): row for row in Rollup.objects.all()}
    due = [(known.pop((figure.stored_as, step, start), None), figure, step, start, end)
           for step, figure, start, end in _finished(now)]  # fmt: skip
    due.sort(key=lambda each: each[0].computed_at if each[0] else datetime.min.replace(tzinfo=UTC))
    for row, figure, step, start, end in due:
        if time.monotonic() > deadline:
            if row is None:
                roll_up.enqueue()
            break
        value = totals([(figure, start, end)])[figure.stored_as, start]
        if row is None or row.value != value:
            changed.add(figure.key)
        computed.append(Rollup(figure=figure.stored_as, step=step, start=start, value=value, computed_at=now))
    Rollup.objects.bulk_create(
        computed,
        update_conflicts=True,
        unique_fields=["figure", "step", "start"],
        update_fields=["value", "computed_at"],
        batch_size=500,
    )
    Rollup.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
    if changed:
        publish(CHANNEL, "changed", sorted(changed), durable=False)


def _finished(now: datetime) -> Iterator[tuple[str, Figure, datetime, datetime]]:
    figures = all_figures().values()
    for step in KEPT:
        for start, end in pairwise(edges(step, now)[:-1]):
            for figure in figures:
                yield step, figure, start, end


class Schedule:
    """Queues the task every five minutes, unless the previous one has not ended."""

    def __init__(self) -> None:
        self.due = 0.0
        self.result: TaskResult | None = None

    def run(self, **kwargs: object) -> None:
        """Queue the task if it is due."""
        if time.monotonic() < self.due or not all_figures():
            return
        self.due = time.monotonic() + EVERY_SECONDS
        with contextlib.suppress(TaskResultDoesNotExist):
            if self.result and not self.result.is_finished:
                self.result.refresh()
                if not self.result.is_finished:
                    return
        self.result = roll_up.enqueue()


schedule = Schedule()
