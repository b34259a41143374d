"""The CPU of a delivery: an event for n clients is n deliveries."""

import time

from ..scenario import Bench, Figure, Figures, Goal, Scenario

CLIENTS, CROWD = 1000, 5000
EVENTS, RATE = 25, 5
SETTLING_SECONDS = 2


def measure(bench: Bench) -> Figures:
    """Publish at a rate for some clients, then as fast as the events arrive for more."""
    with bench.trial() as trial:
        trial.grow(bench.size(CLIENTS))
        # Until the work that opening has left to do later is done.
        time.sleep(bench.seconds(SETTLING_SECONDS))
        paced = trial.cost(bench.size(EVENTS), RATE)
        threads = trial.meter.threads()
        trial.grow(bench.size(CROWD))
        saturated = trial.cost(bench.size(EVENTS))
        return {"paced": paced, "saturated": saturated, "threads": threads}


SCENARIO = Scenario(
    name="deliver",
    sentence="CPU seconds of the server per 100,000 deliveries of 100 bytes: 1,000 clients at 5 events a "
    "second, and 5,000 clients that get each event as soon as all have the one before.",
    systems=("nchan", "bare", "ours", "starlette", "queues", "eventstream"),
    figures={
        "paced": Figure("CPU s, 1,000 at 5/s", 2, {"ours": Goal(1.03, of="bare")}),
        "saturated": Figure("CPU s, 5,000 saturated", 2, {"ours": Goal(1.08, of="bare")}),
        "threads": Figure("threads", 0),
    },
    measure=measure,
    rounds=3,
)
