"""What more worker processes add."""

import dataclasses
import time

from ..scenario import Bench, Figure, Figures, Scenario
from ..trial import DUPLICATE_SECONDS

CLIENTS, EVENTS = 2000, 25
WORKERS = (1, 2, 4)


def measure(bench: Bench) -> Figures:
    """Publish events, each after the last has arrived, with more and more workers."""
    figures = {}
    for workers in WORKERS[:2] if bench.is_quick else WORKERS:
        with bench.trial(dataclasses.replace(bench.system, workers=workers)) as trial:
            trial.grow(bench.size(CLIENTS))
            events = bench.size(EVENTS)
            began = time.monotonic()
            figures[f"cpu{workers}"] = trial.cost(events)
            seconds = time.monotonic() - began - DUPLICATE_SECONDS
            figures[f"rate{workers}"] = events * trial.crowd.receivers / seconds
    return figures


SCENARIO = Scenario(
    name="workers",
    sentence="2,000 clients of 1, 2 and 4 workers that get each event as soon as all have the one before: CPU "
    "seconds of all workers per 100,000 deliveries, and deliveries a second. The load client shares "
    "the cores.",
    systems=("sqlite", "postgresql", "valkey"),
    figures={
        **{f"cpu{n}": Figure(f"CPU s, {n}", 2) for n in WORKERS},
        **{f"rate{n}": Figure(f"a second, {n}", 0) for n in WORKERS},
    },
    measure=measure,
    reference="",
    seconds=150,
)
