"""Many channels, each with one client."""

import random
import time

from ..scenario import Bench, Figure, Figures, Scenario
from ..trial import Trial, paced

CHANNELS = 10_000
RATE, SECONDS = 200, 10
WARM = 100


def measure(bench: Bench) -> Figures:
    """Open a stream for each channel, and publish to channels at random."""
    with bench.trial(path="/ticks/NUMBER/") as trial:
        channels = bench.size(CHANNELS)
        trial.crowd.grow(channels)
        # A client that has its response may not be subscribed yet.
        time.sleep(1)
        events = int(RATE * bench.seconds(SECONDS))
        publish(trial, channels, WARM)
        trial.check()
        cpu = trial.used_seconds(lambda: publish(trial, channels, events))
        counts = trial.crowd.counts()
        return {"cpu": cpu * 1000 / events, "median": counts.median, "p99": counts.p99}


def publish(trial: Trial, channels: int, events: int) -> None:
    """Publish to channels at random."""
    for _ in paced(events, RATE):
        trial.publish(to=random.randrange(channels))


SCENARIO = Scenario(
    name="channels",
    sentence="10,000 channels with one client each, 200 events a second to channels at random: CPU "
    "milliseconds of the server for an event, with the request that publishes it, and the "
    "milliseconds until it arrives.",
    systems=("nchan", "bare", "ours"),
    figures={
        "cpu": Figure("CPU ms per event", 3),
        "median": Figure("median ms", 2),
        "p99": Figure("99th ms", 2),
    },
    measure=measure,
)
