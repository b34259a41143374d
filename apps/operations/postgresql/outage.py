"""
Knows whether PostgreSQL is away: one `Outage` per process and database.

A query that fails, or gets no answer, starts a thread that connects until the database accepts. Meanwhile every
other query is refused at once. An outage is logged when it begins and when it ends.
"""

import logging
import threading
import time

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

# How long a query or a pool may be silent before the database is suspected. All times are in seconds.
SILENCE_SECONDS = 0.5
# How long a suspected database has to accept a connection.
VERDICT_SECONDS = 2.0
RETRY_SECONDS = 0.5
# A database that has answered within this time is not away, although it refuses another connection.
RECENT_SECONDS = 1.0

logger = logging.getLogger(__name__)
# It has a line for each connection that fails.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class Outage:
    """The state of the database `alias`, for all threads of this process."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._changed = threading.Condition()
        self._watcher: threading.Thread | None = None
        self._began_at: float | None = None
        self._reason = ""
        # When a query was last answered, by the monotonic clock.
        self.answered_at = 0.0

    @property
    def is_away(self) -> bool:
        """Whether the database is known to be away."""
        return self._began_at is not None

    def refuse(self) -> None:
        """Raise `psycopg.OperationalError` if the database is known to be away."""
        if self.is_away:
            raise psycopg.OperationalError(f"the database is away: {self._reason}")

    def check(self) -> None:
        """Wait until it is known whether the database is away, and raise `psycopg.OperationalError` if it is."""
        asked_at = time.monotonic()
        with self._changed:
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="database-outage", daemon=True)
                self._watcher.start()
            self._changed.wait_for(lambda: self._watcher is None or self.is_away, VERDICT_SECONDS)
            if self._watcher and self.answered_at < asked_at:
                self._begin("it does not answer")
        self.refuse()

    def _watch(self) -> None:
        """Connect until the database accepts, or answers the queries of other connections."""
        while True:
            try:
                self._connect()
                break
            except Exception as error:
                with self._changed:
                    if time.monotonic() - self.answered_at > RECENT_SECONDS:
                        self._begin(str(error).partition("\n")[0])
            time.sleep(RETRY_SECONDS)
        with self._changed:
            if self._began_at is not None:
                # Again, because a thread that was already connecting may have made another.
                self._drop_pool()
                logger.warning("The database is back after %.1f s.", time.monotonic() - self._began_at)
            self._began_at = self._watcher = None
            self._changed.notify_all()

    def _connect(self) -> None:
        wrapper = connections.create_connection(self._alias)
        parameters = wrapper.get_connection_params() | {"connect_timeout": VERDICT_SECONDS}
        # It accepts the connection only if it can answer queries.
        psycopg.connect(**parameters).close()

    def _begin(self, reason: str) -> None:
        if self._began_at is None:
            self._began_at, self._reason = time.monotonic(), reason
            logger.error("The database is away: %s. Requests are refused until it is back.", reason)
            self._drop_pool()
            self._changed.notify_all()

    def _drop_pool(self) -> None:
        """Close the pool, which would wait longer and longer between attempts. The next request makes another."""
        if pool := DatabaseWrapper._connection_pools.pop(self._alias, None):  # type: ignore[attr-defined]
            pool.close(timeout=0)
