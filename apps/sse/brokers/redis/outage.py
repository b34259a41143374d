"""Whether the server is out of reach."""

import logging
import threading
import time

logger = logging.getLogger("apps.sse")

# Each failure may have taken seconds: publishers are spared another one for so long.
PAUSE_SECONDS = 2.0


class Outage:
    """Said once when it begins and once when it ends, whichever threads find it out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost = 0
        self._is_on = False
        self._fresh_until = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether it would be a waste of time to try again already."""
        return self._is_on and time.monotonic() < self._fresh_until

    def begin(self, error: Exception) -> None:
        """Note a failure."""
        with self._lock:
            self._fresh_until = time.monotonic() + PAUSE_SECONDS
            is_known, self._is_on = self._is_on, True
        if not is_known:
            logger.error(
                "Redis accepts no events (%s). Durable events wait in the database, others are lost.", error
            )

    def lose(self) -> None:
        """Note that an event is lost."""
        with self._lock:
            self._lost += 1

    def end(self) -> None:
        """Note a success."""
        if not self._is_on:
            return
        with self._lock:
            was_on, self._is_on = self._is_on, False
            lost, self._lost = self._lost, 0
        if was_on:
            logger.warning("Redis accepts events again. %d events that were not durable were lost.", lost)
