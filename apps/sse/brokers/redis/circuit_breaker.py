"""Stop sending to a server that just failed, and log when it fails and when it works again."""

import logging
import threading
import time

logger = logging.getLogger("apps.sse")

# Each attempt may take seconds, so none follows a failure for this long.
PAUSE_SECONDS = 2.0


class CircuitBreaker:
    """Shared by all threads: an outage is logged once when it begins and once when it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost = 0
        # 0 if the last attempt succeeded.
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the server failed so recently that another attempt would waste time."""
        return time.monotonic() < self._open_until

    def record_failure(self, error: Exception) -> None:
        """Open the circuit for `PAUSE_SECONDS`."""
        with self._lock:
            is_first = not self._open_until
            self._open_until = time.monotonic() + PAUSE_SECONDS
        if is_first:
            logger.error(
                "Redis accepts no events (%s). Durable events wait in the database, others are lost.", error
            )

    def record_loss(self) -> None:
        """Count an event that is lost."""
        with self._lock:
            self._lost += 1

    def record_success(self) -> None:
        """Close the circuit."""
        if self._open_until:
            with self._lock:
                was_open, self._open_until = self._open_until, 0.0
                lost, self._lost = self._lost, 0
            if was_open:
                logger.warning("Redis accepts events again. %d events that were not durable were lost.", lost)
