"""The scenarios, in the order of the report. A new one is a file here and a line below."""

from ..scenario import Scenario
from . import channels, deliver, latency, listen, memory, opening, publish, sizes, slow, storm, workers

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        deliver.SCENARIO,
        latency.SCENARIO,
        memory.SCENARIO,
        opening.SCENARIO,
        storm.KILL,
        storm.STOP,
        publish.SCENARIO,
        listen.SCENARIO,
        sizes.SCENARIO,
        channels.SCENARIO,
        slow.SCENARIO,
        workers.SCENARIO,
    )
}
