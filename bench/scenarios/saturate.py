"""What a server sustains, and what is used up then."""

import time

from ..scenario import Bench, Figure, Figures, Scenario
from ..trial import Trial

CLIENTS, SECONDS = 1000, 3
FIRST_RATE, GROWTH, STEPS = 10, 1.5, 8
LATE_MS = 250


def measure(bench: Bench) -> Figures:
    """Raise the rate of events until they are late; return the last one at which they were not."""
    with bench.trial() as trial:
        trial.grow(bench.size(CLIENTS))
        rate, sustained = FIRST_RATE, {"rate": 0.0, "server": 0.0, "client": 0.0}
        for _ in range(STEPS):
            figures, p99 = step(trial, rate, bench.seconds(SECONDS))
            if p99 > LATE_MS:
                break
            sustained, rate = figures, rate * GROWTH
        return sustained


def step(trial: Trial, rate: float, seconds: float) -> tuple[Figures, float]:
    """Publish at a rate; return what was used, and the 99th percentile of the latency in ms."""
    began, cpu = time.monotonic(), trial.meter.cpu_seconds()
    client = sum(trial.crowd.process.cpu_times()[:2])
    events = max(int(rate * seconds), 5)
    _, p99 = trial.latency(events, rate)
    passed = time.monotonic() - began
    figures = {
        "rate": events * trial.crowd.receivers / passed,
        "server": (trial.meter.cpu_seconds() - cpu) / passed,
        "client": (sum(trial.crowd.process.cpu_times()[:2]) - client) / passed,
    }
    return figures, p99


SCENARIO = Scenario(
    name="saturate",
    sentence="1,000 clients, and more and more events a second until the 99th percentile of the latency is "
    "over 250 ms: the deliveries a second at the last rate before, and the cores that the server and "
    "the load client used then. The server has one.",
    systems=("nchan", "bare", "ours"),
    figures={
        "rate": Figure("deliveries a second", 0),
        "server": Figure("cores of the server", 2),
        "client": Figure("of the load client", 2),
    },
    measure=measure,
)
