"""Django's backend for PostgreSQL, with connections that do not wait for a database that is away."""

import functools
import time
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

from .outage import SILENCE_SECONDS, VERDICT_SECONDS, Outage


class Connection(psycopg.Connection):
    """A connection whose queries fail as soon as the database is known to be away."""

    outage: Outage

    def wait(self, gen, interval=0.1, timeout=None):
        """Return what the generator returns; raises `psycopg.OperationalError` if the database is away."""
        silence = SILENCE_SECONDS
        try:
            self.outage.refuse()
            while True:
                try:
                    answer = super().wait(gen, interval, silence if timeout is None else timeout)
                    break
                except psycopg.errors._WaitTimeout:
                    if timeout is not None:
                        raise
                    # Either a long query or an outage. The generator goes on where it was.
                    self.outage.check()
                    silence = min(2 * silence, VERDICT_SECONDS)
        except psycopg.OperationalError:
            if self.outage.is_away:
                self.pgconn.finish()
            elif self.closed:
                self.outage.check()
            raise
        self.outage.answered_at = time.monotonic()
        return answer


@functools.cache
def connection_class(alias: str) -> type[Connection]:
    """Return the class of the connections to a database. They share an `Outage`."""
    return type("Connection", (Connection,), {"outage": Outage(alias)})


@functools.cache
def driver(alias: str) -> Any:
    """Return what psycopg exports, with a `connect` that returns these connections."""
    return SimpleNamespace(**(vars(psycopg) | {"connect": connection_class(alias).connect}))


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, but a request that needs a database that is away fails at once."""

    def __init__(self, settings_dict, alias="default"):
        super().__init__(settings_dict, alias)
        if alias == NO_DB_ALIAS:
            # Creates and deletes databases, and may be silent for long.
            return
        self.Database, self.outage = driver(alias), connection_class(alias).outage
        if pool := settings_dict["OPTIONS"].get("pool"):
            pool["connection_class"] = connection_class(alias)

    def get_new_connection(self, conn_params):
        """Return a connection, from the pool if there is one; raises `psycopg.OperationalError`."""
        if self.alias == NO_DB_ALIAS:
            return super().get_new_connection(conn_params)
        self.outage.refuse()
        try:
            return self._from_pool() if self.pool else super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            self.outage.check()
            raise

    def _from_pool(self):
        level = self.settings_dict["OPTIONS"].get("isolation_level")
        self.isolation_level = psycopg.IsolationLevel(level or psycopg.IsolationLevel.READ_COMMITTED)
        self.pool.open()
        try:
            connection = self.pool.getconn(SILENCE_SECONDS)
        except PoolTimeout:
            # Either all connections are in use, or no other can be made.
            self.outage.check()
            connection = self.pool.getconn()
        if level:
            connection.isolation_level = self.isolation_level
        return connection
