"""One system under load, once."""

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
SECOND_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Load:
    """
    How much: `events` to `clients` at `rate` a second, then to `crowd` as fast as they arrive.

    An event that reaches so many clients is so many deliveries.
    """

    clients: int = 1000
    crowd: int = 5000
    events: int = 25
    rate: float = 5


def measure(system: System, load: Load, client: Path, folder: Path) -> dict[str, float]:
    """
    Return what a system used: `paced` and `saturated` CPU seconds per 100,000 deliveries, `memory` in
    KiB for each further idle client, `threads` with the first clients; and `deliveries`, how many were
    counted, and `elsewhere`, how many cores' worth of work other programs did at most.

    Raises `Lost` unless all clients hear each event exactly once.
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
            "elsewhere": meter.most_elsewhere,
        }


class Trial:
    """The clients, the publisher and the meter of one server at work together."""

    def __init__(self, crowd: Crowd, publisher: Publisher, meter: Meter) -> None:
        self._crowd, self._publisher, self._meter = crowd, publisher, meter
        self.deliveries = 0

    def grow(self, size: int) -> None:
        """Have so many clients; an event has reached each of them when this returns."""
        for _ in range(ATTEMPTS):
            self._crowd.grow(size)
            # A connection that has been idle meanwhile may be closed by now; the next one is another.
            self._publisher.close()
            self._publish()
            # Those who had an answer may not have been subscribed yet.
            if not self._crowd.missing(patience=SETTLING_SECONDS):
                return
        raise Lost(f"No event reached all {size} clients.")

    def cost(self, events: int, rate: float | None = None) -> float:
        """Publish events, `rate` a second or each when all have heard the last; return the CPU seconds."""
        used = self._meter.cpu_seconds()
        with self._meter.watching_others():
            if rate:
                self._publish_at(rate, events)
            else:
                self._publish_when_heard(events)
            self._check()
        used = self._meter.cpu_seconds() - used
        # What is sent twice is there by now.
        time.sleep(SECOND_LOOK_SECONDS)
        self._check()
        self.deliveries += events * self._crowd.size
        return used * DELIVERIES / (events * self._crowd.size)

    def _publish_at(self, rate: float, events: int) -> None:
        began = time.monotonic()
        for number in range(events):
            time.sleep(max(0, began + number / rate - time.monotonic()))
            self._publish()

    def _publish_when_heard(self, events: int) -> None:
        for _ in range(events):
            self._publish()
            self._check()

    def _publish(self) -> None:
        self._publisher.publish()
        self._crowd.expect()

    def _check(self) -> None:
        if missing := self._crowd.missing():
            raise Lost(f"Of {self._crowd.expected} deliveries {missing} are missing.")
