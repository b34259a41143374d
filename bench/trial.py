"""One measurement of one system."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from .compared import System
from .crowd import Crowd, Lost
from .meter import Meter
from .publisher import Publisher

DELIVERIES = 100_000
ATTEMPTS = 10
SETTLING_SECONDS = 2
DUPLICATE_SECONDS = 0.2


@dataclass(frozen=True)
class Load:
    """
    The load: `events` for `clients` at `rate` per second, then for `crowd` as fast as they arrive.

    An event for n clients is n deliveries.
    """

    clients: int = 1000
    crowd: int = 5000
    events: int = 25
    rate: float = 5


def measure(system: System, load: Load, client: Path, folder: Path) -> dict[str, float]:
    """
    Return a system's figures.

    `paced` and `saturated` are CPU seconds per 100,000 deliveries, `memory` is KiB per additional idle client,
    `threads` the number with the first clients, `deliveries` the number of counted deliveries, and
    `other_load` the maximum load of other programs, in cores.

    Raises `Lost` unless each client receives each event exactly once.
    """
    with (
        system.serving(folder) as target,
        Crowd(client, target) as crowd,
        contextlib.closing(Publisher(target.port)) as publisher,
    ):
        meter = Meter(target.process, [crowd.process, psutil.Process()])
        trial = Trial(crowd, publisher, meter)
        trial.grow(load.clients)
        paced = trial.cost(load.events, load.rate)
        threads, memory = meter.threads(), meter.memory_kib()
        trial.grow(load.crowd)
        memory = (meter.memory_kib() - memory) / (load.crowd - load.clients)
        saturated = trial.cost(load.events)
        return {
            "paced": paced,
            "saturated": saturated,
            "memory": memory,
            "threads": threads,
            "deliveries": trial.deliveries,
            "other_load": meter.max_other_load,
        }


class Trial:
    """The clients, the publisher and the meter of one server."""

    def __init__(self, crowd: Crowd, publisher: Publisher, meter: Meter) -> None:
        self._crowd, self._publisher, self._meter = crowd, publisher, meter
        self.deliveries = 0

    def grow(self, size: int) -> None:
        """Open streams until there are `size`, and wait until an event has reached each of them."""
        for _ in range(ATTEMPTS):
            self._crowd.grow(size)
            # The server may have closed the idle connection: open another one.
            self._publisher.close()
            self._publish()
            # Clients that have a response may not be subscribed yet.
            if not self._crowd.missing(patience=SETTLING_SECONDS):
                return
        raise Lost(f"No event reached all {size} clients.")

    def cost(self, events: int, rate: float | None = None) -> float:
        """Publish events at `rate` or each after the last has arrived; return CPU seconds per `DELIVERIES`."""
        used = self._meter.cpu_seconds()
        with self._meter.measuring_other_load():
            if rate:
                self._publish_at(rate, events)
            else:
                self._publish_when_received(events)
            self._check()
        used = self._meter.cpu_seconds() - used
        # Duplicates would have arrived by now.
        time.sleep(DUPLICATE_SECONDS)
        self._check()
        self.deliveries += events * self._crowd.size
        return used * DELIVERIES / (events * self._crowd.size)

    def _publish_at(self, rate: float, events: int) -> None:
        began = time.monotonic()
        for number in range(events):
            time.sleep(max(0, began + number / rate - time.monotonic()))
            self._publish()

    def _publish_when_received(self, events: int) -> None:
        for _ in range(events):
            self._publish()
            self._check()

    def _publish(self) -> None:
        self._publisher.publish()
        self._crowd.expect()

    def _check(self) -> None:
        if missing := self._crowd.missing():
            raise Lost(f"Of {self._crowd.expected} deliveries {missing} are missing.")
