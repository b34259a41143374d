"""A live event while many clients get what they missed."""

from ..crowd import Crowd, Lost
from ..producer import Producers, producing
from ..scenario import Bench, Figure, Figures, Goal, Scenario
from ..trial import Trial

CLIENTS, MISSED = 1000, 20
RATE, SECONDS = 50, 6


def measure(bench: Bench) -> Figures:
    """Let clients with channels of their own come at once, without a position and with an old one."""
    with bench.trial() as trial, producing(trial.target.server.environment) as producers:
        trial.meter.add_helpers(*producers.processes)
        trial.grow(1)
        since = producers.position()
        clients = bench.size(CLIENTS)
        producers.publish("spread", "bench", clients * MISSED, clients)
        # So that what was missed is no longer among the recent events in the server's memory.
        producers.publish("bulk", "other", 10_000)
        live_latency(bench, trial, producers, clients)  # to warm up
        opened = live_latency(bench, trial, producers, clients)
        replayed = live_latency(bench, trial, producers, clients, f"Last-Event-ID: {since}")
        return {"opened": opened, "replayed": replayed}


def live_latency(bench: Bench, trial: Trial, producers: Producers, clients: int, *headers: str) -> float:
    """Return the 99th percentile of live events in ms while clients come, and get what they missed."""
    events = int(RATE * bench.seconds(SECONDS))
    trial.crowd.expected = trial.crowd.counts().events
    trial.crowd.forget_latencies()
    with Crowd(bench.client, trial.target, "/ticks/NUMBER/", headers, at_once=clients, retry=True) as crowd:
        trial.meter.add_helpers(crowd.process)
        with trial.meter.measuring_other_load():
            producers.begin("paced", "bench", events, RATE)
            crowd.grow(clients)
            crowd.expected = clients * MISSED if headers else 0
            if missing := crowd.missing():
                raise Lost(f"Of {crowd.expected} missed events {missing} are missing.")
            counts = trial.crowd.counts()
            producers.finish()
    trial.crowd.expect(events)
    trial.check()
    return counts.p99


SCENARIO = Scenario(
    name="replay",
    sentence="1,000 clients with a channel each come at once: the 99th percentile of the latency of live "
    "events to another client in milliseconds until they have all they missed, without and with 20 "
    "missed events for each that only the log has.",
    systems=("sqlite", "postgresql", "valkey"),
    figures={
        "opened": Figure("99th ms, nothing missed", 0),
        "replayed": Figure("99th ms, 20 missed", 0, {key: Goal(50) for key in ("sqlite", "postgresql", "valkey")}),
    },
    measure=measure,
    reference="",
)
