"""All clients of a server come back at once."""

import functools
import signal
import time
from dataclasses import replace

from ..crowd import Lost
from ..scenario import Bench, Figure, Figures, Goal, Scenario
from ..trial import Trial

CLIENTS = 10_000
LAST = 200
PATIENCE_SECONDS = 120
HEALTHY_SECONDS = 5


def measure(bench: Bench, number: int) -> Figures:
    """End the worker with a signal while its clients come back with the browser client's delays."""
    system = replace(bench.system, is_supervised=True) if bench.key == "sqlite" else bench.system
    # nchan ends with a failed assertion if clients return with ids of a server before it.
    with bench.trial(system, retry=True, resume=bench.key != "nchan") as trial:
        size = bench.size(CLIENTS)
        trial.grow(size)
        with trial.meter.measuring_other_load():
            # So that clients begin with the shortest delay.
            time.sleep(bench.seconds(HEALTHY_SECONDS))
        before = trial.crowd.counts()
        began = time.monotonic()
        trial.target.server.end_worker(number)
        ended = wait_until_ended(trial, size, before.ended, began)
        counts = trial.crowd.wait(streams=size, patience=PATIENCE_SECONDS)
        if counts.open < size:
            raise Lost(f"Of {size} clients {counts.open} were back after {PATIENCE_SECONDS} s.")
        times = sorted(opened / 1000 - began for opened in trial.crowd.opening_times())
        # An event reaches all of them again.
        trial.publisher.close()
        trial.crowd.expected = trial.crowd.counts().events
        trial.publish()
        trial.check()
        return {
            "ended": ended,
            "half": times[size // 2],
            "all": times[-1],
            "last": times[-1] - times[-min(LAST, size)],
            "refused": counts.refused - before.refused,
            "hurried": counts.hurried - before.hurried,
            "again": counts.refused_again - before.refused_again,
            "given_up": counts.given_up - before.given_up,
        }


def wait_until_ended(trial: Trial, size: int, before: int, began: float) -> float:
    """Wait until all streams have ended; return the seconds until the last one had."""
    while time.monotonic() < began + PATIENCE_SECONDS:
        counts = trial.crowd.counts()
        if counts.ended - before >= size:
            return counts.last_ended_at / 1000 - began
        time.sleep(0.01)
    raise Lost("The streams did not end.")


FIGURES = {
    "half": Figure("half back, s", 1),
    "last": Figure("the last 200 took, s", 1),
    "refused": Figure("refused", 0),
    "again": Figure("refused again", 0),
    "hurried": Figure("without Retry-After", 0, {"sqlite": Goal(0)}),
    "given_up": Figure("given up after 10 s", 0),
}

KILL = Scenario(
    name="storm",
    sentence="10,000 clients after `kill -9` of their only worker, which its supervisor starts again: seconds "
    "until all are back, with the browser client's delays.",
    systems=("nchan", "bare", "sqlite"),
    figures={"all": Figure("all back, s", 1, {"sqlite": Goal(30)}), **FIGURES},
    measure=functools.partial(measure, number=signal.SIGKILL),
    reference="",
    seconds=240,
)

STOP = Scenario(
    name="stop",
    sentence="10,000 clients after SIGTERM of their only worker, which its supervisor starts again: seconds "
    "until all streams have ended, and until all are back.",
    systems=("sqlite",),
    figures={
        "ended": Figure("ended, s", 2, {"sqlite": Goal(1)}),
        "all": Figure("all back, s", 1, {"sqlite": Goal(25)}),
        **FIGURES,
    },
    measure=functools.partial(measure, number=signal.SIGTERM),
    reference="",
    seconds=240,
)
