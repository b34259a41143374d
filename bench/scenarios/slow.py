"""Clients that read too slowly must not delay the others."""

from ..scenario import Bench, Figure, Figures, Goal, Scenario

CLIENTS = 1000
RATE, SECONDS, SIZE = 5, 8, 16 * 1024
TENTH = 10


def measure(bench: Bench) -> Figures:
    """Measure the latency without slow clients, and with a slow tenth."""
    figures = {}
    for name, slow in (("none", 0), ("tenth", TENTH)):
        with bench.trial(slow=slow) as trial:
            trial.grow(bench.size(CLIENTS))
            figures[name] = trial.latency(int(RATE * bench.seconds(SECONDS)), RATE, SIZE)[1]
            figures["ended"] = trial.crowd.counts().ended
    return figures | {"ratio": figures["tenth"] / figures["none"]}


SCENARIO = Scenario(
    name="slow",
    sentence="1,000 clients at 5 events of 16 KiB a second, of which a tenth reads 1 KiB a second: the 99th "
    "percentile of the others' latency in milliseconds, with and without the slow ones, and how many "
    "of these the server ended.",
    # ASGI without a framework waits for each client: a slow one stops all.
    systems=("nchan", "ours", "starlette"),
    figures={
        "none": Figure("99th ms, none slow", 1),
        "tenth": Figure("a tenth slow", 1),
        "ratio": Figure("ratio", 2, {"ours": Goal(1.2)}),
        "ended": Figure("slow ones ended", 0),
    },
    measure=measure,
    reference="",
)
