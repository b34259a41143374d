"""The cost of opening a stream."""

import time

from ..scenario import Bench, Figure, Figures, Goal, Scenario

WARM, MORE = 100, 1500


def measure(bench: Bench) -> Figures:
    """Open streams, 16 at a time, after some that warm the server up."""
    with bench.trial() as trial:
        trial.grow(WARM)
        more = bench.size(MORE)
        cpu, began = trial.meter.cpu_seconds(), time.monotonic()
        with trial.meter.measuring_other_load():
            trial.crowd.grow(WARM + more)
        seconds = time.monotonic() - began
        return {"cpu": (trial.meter.cpu_seconds() - cpu) * 1000 / more, "rate": more / seconds}


SCENARIO = Scenario(
    name="open",
    sentence="CPU milliseconds of the server to open a stream, 16 at a time, and streams opened a second on "
    "one core; Django's systems with all middleware, a session and a user in SQLite, the others "
    "without a login.",
    systems=("nchan", "bare", "ours", "sqlite", "starlette", "queues", "eventstream"),
    figures={
        "cpu": Figure("CPU ms", 2, {"ours": Goal(2.0), "sqlite": Goal(2.0)}),
        "rate": Figure("opened a second", 0, {"ours": Goal(500, at_least=True)}),
    },
    measure=measure,
    reference="queues",
    rounds=3,
    repeated=("ours", "queues"),
)
