"""What more hosts add, and what one host pays for the events of another."""

import dataclasses

from ..scenario import Bench, Figure, Figures, Scenario
from ..serving import Target
from . import listen, workers


def measure(bench: Bench) -> Figures:
    """Publish with more and more hosts; then publish on the first of two, and measure the second."""
    figures = workers.measure(bench)
    two = dataclasses.replace(bench.system, workers=2)
    with bench.folder() as folder, two.serving(folder) as target:
        first, second = target.servers
        others = [*target.helpers, first.process]
        # The processes that publish are on the first host, too.
        with bench.load(Target([second], target.headers, others), first) as trial, first.host.entered():
            return figures | listen.listen(bench, trial)


SCENARIO = Scenario(
    name="hosts",
    sentence="1, 2 and 4 hosts with one worker each, and one with Valkey, all of them network namespaces of this "
    "machine: the figures of `workers`. Then a process on the first of two hosts publishes: milliseconds "
    "until an event arrives at the one client of the second, and the figures of `listen` for its worker.",
    systems=("hosts",),
    figures={
        **workers.SCENARIO.figures,
        "median": Figure("median ms", 1),
        "p99": Figure("99th ms", 1),
        "unfollowed": Figure("CPU ms, not followed", 3),
    },
    measure=measure,
    reference="",
    seconds=150,
)
