"""What an event that another process publishes costs a process that listens, and when it arrives."""

import time

from ..producer import producing
from ..scenario import Bench, Figure, Figures, Goal, Scenario
from ..trial import Trial

RATE, SECONDS = 10, 15
FULL = 10_000
# Several rounds of what a server does periodically.
IDLE_SECONDS = 9


def measure(bench: Bench) -> Figures:
    """Publish from another process on the channel of one client, and on a channel that nobody follows."""
    with bench.trial() as trial:
        return listen(bench, trial)


def listen(bench: Bench, trial: Trial) -> Figures:
    """Return what events cost a server with one client, and when they arrive."""
    with producing(trial.target.server.environment) as producers:
        trial.meter.add_helpers(*producers.processes)
        trial.grow(1)
        used = trial.meter.cpu_seconds()
        time.sleep(bench.seconds(IDLE_SECONDS))
        figures = {"idle": (trial.meter.cpu_seconds() - used) * 1000 / bench.seconds(IDLE_SECONDS)}

        def publish(*order: object, to: str = "bench") -> None:
            done = producers.publish(order[0], to, *order[1:])
            trial.crowd.expect(done.events if to == "bench" else 0)

        paced = int(RATE * bench.seconds(SECONDS))
        used = trial.used_seconds(lambda: publish("paced", paced, RATE)) * 1000
        figures["paced"] = (used - figures["idle"] * paced / RATE) / paced
        counts = trial.crowd.counts()
        figures |= {"median": counts.median, "p99": counts.p99}
        full = bench.size(FULL)
        figures["followed"] = trial.used_seconds(lambda: publish("bulk", full)) * 1000 / full
        # The event that all wait for is behind those that nobody follows.
        figures["unfollowed"] = (
            trial.used_seconds(lambda: (publish("bulk", full, to="other"), publish("paced", 1, 1))) * 1000 / full
        )
        return figures


GOAL = {"sqlite": Goal(0.4), "postgresql": Goal(0.4), "valkey": Goal(0.4)}

SCENARIO = Scenario(
    name="listen",
    sentence="A process beside the server publishes. Milliseconds until its events reach a client, at 10 a "
    "second; CPU milliseconds of the server for each event, at 10 a second (above what it uses while idle) "
    "and at full rate (100 in a transaction), on a channel with a client and on one without.",
    systems=("sqlite", "postgresql", "valkey"),
    figures={
        "median": Figure("median ms", 1, {key: Goal(2) for key in GOAL}),
        "p99": Figure("99th ms", 1, {key: Goal(4) for key in GOAL}),
        "paced": Figure("CPU ms at 10/s", 2, GOAL),
        "idle": Figure("idle, CPU ms a second", 1),
        "followed": Figure("CPU ms at full rate", 3),
        "unfollowed": Figure("not followed", 3, {key: Goal(0.03) for key in GOAL}),
    },
    measure=measure,
    rounds=3,
    repeated=tuple(GOAL),
    reference="",
)
