"""The time from publishing an event to its arrival at each client."""

from ..scenario import Bench, Figure, Figures, Scenario

CLIENTS, RATE, SECONDS = 1000, 5, 15


def measure(bench: Bench) -> Figures:
    """Publish at a rate."""
    with bench.trial() as trial:
        trial.grow(bench.size(CLIENTS))
        median, p99 = trial.latency(int(bench.seconds(SECONDS) * RATE), RATE)
        return {"median": median, "p99": p99}


SCENARIO = Scenario(
    name="latency",
    sentence="Milliseconds from publishing an event to its arrival, over 1,000 clients at 5 events a second; "
    "`many` has it for 10,000.",
    systems=("nchan", "bare", "ours", "starlette", "queues", "eventstream"),
    figures={"median": Figure("median ms", 1), "p99": Figure("99th ms", 1)},
    measure=measure,
    rounds=1,
)
