"""The CPU of deliveries by the size of the event."""

from ..scenario import Bench, Figure, Figures, Scenario

SIZES = {"b100": 100, "kib1": 1024, "kib16": 16 * 1024}
CLIENTS, EVENTS, RATE = 1000, 15, 5


def measure(bench: Bench) -> Figures:
    """Publish events of each size for the same clients."""
    with bench.trial() as trial:
        trial.grow(bench.size(CLIENTS))
        events = bench.size(EVENTS)
        return {name: trial.cost(events, RATE, size) for name, size in SIZES.items()}


SCENARIO = Scenario(
    name="sizes",
    sentence="CPU seconds of the server per 100,000 deliveries, 1,000 clients at 5 events a second, by the "
    "size of the event's data.",
    systems=("nchan", "bare", "ours", "starlette"),
    figures={
        "b100": Figure("100 B", 2),
        "kib1": Figure("1 KiB", 2),
        "kib16": Figure("16 KiB", 2),
    },
    measure=measure,
)
