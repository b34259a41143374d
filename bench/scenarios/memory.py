"""The memory of an idle client."""

from ..scenario import Bench, Figure, Figures, Goal, Scenario

FEW, MANY = 1000, 10_000


def measure(bench: Bench) -> Figures:
    """Open streams, and see how much memory more of them add."""
    figures = {"channels": added(bench, "/ticks/")}
    if bench.key == "ours":
        figures["kept"] = added(bench, "/kept/")
    return figures


def added(bench: Bench, path: str) -> float:
    """Return the KiB that each further client of a path adds."""
    few, many = bench.size(FEW), bench.size(MANY)
    with bench.trial(path=path) as trial:
        trial.grow(few)
        before = trial.meter.memory_kib()
        trial.grow(many)
        return (trial.meter.memory_kib() - before) / (many - few)


SCENARIO = Scenario(
    name="memory",
    sentence="KiB of the server's memory (PSS) that each further idle client takes, from 1,000 to 10,000 "
    "clients; logged in, except nchan and ASGI without a framework.",
    systems=("nchan", "bare", "ours", "sqlite"),
    figures={
        "channels": Figure("KiB, channel view", 1, {"ours": Goal(12), "sqlite": Goal(13)}),
        "kept": Figure("KiB, `stream()`", 1, {"ours": Goal(18)}),
    },
    measure=measure,
    seconds=180,
)
