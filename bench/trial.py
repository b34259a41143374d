"""One system under load: clients, a publisher and a meter."""

import time
from collections.abc import Callable

from .crowd import Crowd, Lost
from .meter import Meter
from .publisher import EVENT_BYTES, Publisher
from .serving import Target

DELIVERIES = 100_000
ATTEMPTS = 10
DUPLICATE_SECONDS = 0.2


class Trial:
    """The clients, the publisher and the meter of one server; each event is counted in each client."""

    def __init__(
        self, target: Target, crowd: Crowd, publisher: Publisher, meter: Meter, settling_seconds: float
    ) -> None:
        self.target, self.crowd, self.publisher, self.meter = target, crowd, publisher, meter
        self._settling_seconds = settling_seconds

    def grow(self, size: int, size_of_event: int = EVENT_BYTES) -> None:
        """Open streams until there are `size`, and wait until an event has reached each of them."""
        for _ in range(ATTEMPTS):
            self.crowd.grow(size)
            # The server may have closed the idle connection: open another one.
            self.publisher.close()
            self.publish(size_of_event)
            # Clients that have a response may not be subscribed yet.
            if not self.crowd.missing(patience=self._settling_seconds):
                return
        raise Lost(f"No event reached all {size} clients.")

    def publish(self, size: int = EVENT_BYTES, to: int | None = None) -> None:
        """Publish an event for all clients, or for the one with the number `to`."""
        self.publisher.publish(size, to)
        self.crowd.expect(None if to is None else 1)

    def cost(self, events: int, rate: float | None = None, size: int = EVENT_BYTES) -> float:
        """Publish events at `rate` or each after the last has arrived; return CPU seconds per `DELIVERIES`."""
        used = self.used_seconds(lambda: self._publish(events, rate, size))
        return used * DELIVERIES / (events * self.crowd.receivers)

    def latency(self, events: int, rate: float, size: int = EVENT_BYTES) -> tuple[float, float]:
        """Publish events at `rate`; return the median and the 99th percentile of the latencies in ms."""
        self.used_seconds(lambda: self._publish(events, rate, size))
        counts = self.crowd.counts()
        return counts.median, counts.p99

    def used_seconds(self, publish: Callable[[], None]) -> float:
        """
        Call `publish()`, wait for its events; return the server's CPU seconds. Raises `Lost`.

        The latencies of these events are in `crowd.counts()`.
        """
        self.crowd.forget_latencies()
        used = self.meter.cpu_seconds()
        with self.meter.measuring_other_load():
            publish()
            self.check()
        used = self.meter.cpu_seconds() - used
        # Duplicates would have arrived by now.
        time.sleep(DUPLICATE_SECONDS)
        self.check()
        return used

    def check(self) -> None:
        """Wait for all events. Raises `Lost` unless each client has received each event exactly once."""
        if missing := self.crowd.missing():
            raise Lost(f"Of {self.crowd.expected} deliveries {missing} are missing.")

    def _publish(self, events: int, rate: float | None, size: int) -> None:
        if rate:
            for _ in paced(events, rate):
                self.publish(size)
        else:
            for _ in range(events):
                self.publish(size)
                self.check()


def paced(events: int, rate: float):
    """Yield the numbers of events, `rate` of them a second."""
    began = time.monotonic()
    for number in range(events):
        time.sleep(max(0, began + number / rate - time.monotonic()))
        yield number
