"""The scenarios, in the order of the report. A new one is a file here and a line below."""

from ..scenario import Scenario
from . import (
    channels,
    compress,
    deliver,
    hosts,
    latency,
    listen,
    many,
    opening,
    proxy,
    publish,
    replay,
    saturate,
    sizes,
    slow,
    storm,
    workers,
)

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        deliver.SCENARIO,
        saturate.SCENARIO,
        sizes.SCENARIO,
        compress.SCENARIO,
        latency.SCENARIO,
        many.SCENARIO,
        channels.SCENARIO,
        slow.SCENARIO,
        opening.SCENARIO,
        storm.KILL,
        storm.STOP,
        replay.SCENARIO,
        proxy.SCENARIO,
        publish.SCENARIO,
        listen.SCENARIO,
        workers.SCENARIO,
        hosts.SCENARIO,
    )
}
