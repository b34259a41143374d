"""The rate at which processes publish, without anybody who listens."""

from tests.servers import environment_for

from .. import machine
from ..meter import Meter
from ..producer import producing
from ..scenario import Bench, Figure, Figures, Goal, Scenario

SECONDS = 4
MANY = 3


def measure(bench: Bench) -> Figures:
    """Publish in transactions, from one and from several processes, and outside of transactions."""
    figures = {}
    with bench.folder() as folder, bench.system.site(folder) as (variables, _, processes):
        environment = environment_for(folder, **variables)
        for count in (1, MANY):
            with producing(environment, count, machine.CORES) as producers:
                meter = Meter([], [*processes, *producers.processes])
                bench.meters.append(meter)
                for order in ("transactions", "bare"):
                    producers.publish(order, "news", 0.2)
                    with meter.measuring_other_load():
                        done = producers.publish(order, "news", bench.seconds(SECONDS))
                    figures[f"{order}{count}"] = done.events / done.seconds
                    figures[f"{order}{count}_cpu"] = done.cpu * 1000 / done.events
    return figures


SCENARIO = Scenario(
    name="publish",
    sentence="Events of 100 bytes published a second on all cores, by one process and by three, and the CPU "
    "milliseconds that a process spends on each; PostgreSQL and Valkey write each transaction to the "
    "disk.",
    systems=("sqlite", "postgresql", "valkey"),
    figures={
        "transactions1": Figure("in transactions, one", 0),
        "transactions1_cpu": Figure("CPU ms", 2, {"valkey": Goal(0.6), "postgresql": Goal(0.6)}),
        "transactions3": Figure("in transactions, three", 0, {"valkey": Goal(2500, at_least=True)}),
        "bare1": Figure("outside, one", 0),
        "bare1_cpu": Figure("CPU ms", 2),
        "bare3": Figure("outside, three", 0, {"valkey": Goal(8000, at_least=True)}),
    },
    measure=measure,
    reference="",
)
