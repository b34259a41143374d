"""The time from publishing an event to its arrival at each client."""

from ..scenario import Bench, Figure, Figures, Scenario

# Other systems need a thread or much memory for each of many clients.
LARGE = ("nchan", "bare", "ours")


def measure(bench: Bench) -> Figures:
    """Publish at two rates, for some and for many clients."""
    with bench.trial() as trial:
        trial.grow(bench.size(1000))
        median, p99 = trial.latency(events=int(bench.seconds(15) * 5), rate=5)
        figures = {"median": median, "p99": p99}
        if bench.key in LARGE:
            trial.grow(bench.size(10_000))
            figures["median_many"], figures["p99_many"] = trial.latency(int(bench.seconds(15)), rate=1)
        return figures


SCENARIO = Scenario(
    name="latency",
    sentence="Milliseconds from publishing an event to its arrival, over all clients: 1,000 clients at 5 "
    "events a second, and 10,000 at one. The last of many clients waits for the writes to all "
    "others.",
    systems=("nchan", "bare", "ours", "starlette", "eventstream"),
    figures={
        "median": Figure("median, 1,000 at 5/s", 1),
        "p99": Figure("99th", 1),
        "median_many": Figure("median, 10,000 at 1/s", 0),
        "p99_many": Figure("99th", 0),
    },
    measure=measure,
    seconds=120,
)
