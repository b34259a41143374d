"""Many clients: the memory of each further one, and when an event reaches them."""

from ..scenario import Bench, Figure, Figures, Goal, Scenario

FEW, MANY, MANY_KEPT = 1000, 10_000, 3000
SECONDS = 10


def measure(bench: Bench) -> Figures:
    """Open streams of a channel, and for this project streams that keep their request."""
    figures = {}
    paths = {"channels": "/ticks/"} | ({"kept": "/kept/"} if bench.key == "ours" else {})
    for name, path in paths.items():
        few, many = bench.size(FEW), bench.size(MANY if name == "channels" else MANY_KEPT)
        with bench.trial(path=path) as trial:
            trial.grow(1)
            figures["worker"] = trial.meter.memory_kib() / 1024
            trial.grow(few)
            before = trial.meter.memory_kib()
            trial.grow(many)
            figures[name] = (trial.meter.memory_kib() - before) / (many - few)
            if name == "channels":
                figures["median"], figures["p99"] = trial.latency(int(bench.seconds(SECONDS)), rate=1)
    return figures


SCENARIO = Scenario(
    name="many",
    sentence="10,000 clients, and 3,000 of a `stream()`: KiB of the server's memory (PSS) that each after the "
    "first 1,000 takes while idle, logged in except for nchan and ASGI without a framework; and milliseconds "
    "from publishing an event to its arrival, over all clients, at one event a second. The last client waits "
    "for the writes to all others.",
    systems=("nchan", "bare", "ours", "sqlite"),
    figures={
        "channels": Figure("KiB, channel view", 1, {"ours": Goal(12), "sqlite": Goal(13)}),
        "kept": Figure("KiB, `stream()`", 1, {"ours": Goal(18)}),
        "worker": Figure("MiB without clients", 0),
        "median": Figure("median ms", 0),
        "p99": Figure("99th ms", 0),
    },
    measure=measure,
    seconds=180,
)
