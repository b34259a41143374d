"""Helpers for Django's databases: release a thread's connections, and tell what an error means."""

import contextlib
import functools
import logging
import re
import sqlite3
import threading
import time

from django.db import DEFAULT_DB_ALIAS, Error, connections

# PostgreSQL closes or refuses a connection: it stops, starts, has too many, or is a standby that only reads.
AWAY_CLASS = "08"
AWAY_STATES = {"57P01", "57P02", "57P03", "57P04", "57P05", "53300", "25006"}
AWAY_IN_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}
# PostgreSQL's undefined_table and undefined_column.
MISSING_STATES = {"42P01", "42703"}
# SQLite has one code for all errors in a statement, so the message has to be matched.
MISSING_IN_SQLITE = re.compile(r"no such (table|column)|has no column named")

LOG_SECONDS = 60.0

logger = logging.getLogger("apps.sse")
log_once = functools.cache(logger.error)


def migration_hint(error: BaseException | None) -> str:
    """Return the command to run if an error means that the database lacks a table or a column, else ""."""
    if error is None or not _is_missing(error):
        return ""
    first_line = str(error).partition("\n")[0]
    hint = f"The database is not migrated ({first_line}): run `python manage.py migrate`."
    # Each retry of each client causes the error again.
    log_once(hint)
    return hint


def is_away(error: BaseException | None) -> bool:
    """
    Return whether an error of Django or of the driver means that the database cannot be used now.

    The same call may succeed later. A wrong or cancelled statement, a deadlock and a full disk are other errors.
    """
    cause = error.__cause__ if isinstance(error, Error) and error.__cause__ else error
    if isinstance(cause, sqlite3.Error):
        # The lowest byte of an extended code is the primary code.
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in AWAY_IN_SQLITE
    if state := getattr(cause, "sqlstate", None):
        return state.startswith(AWAY_CLASS) or state in AWAY_STATES
    names = {each.__name__ for each in type(cause).__mro__}
    # Drivers raise an InterfaceError also for wrong calls.
    return "OperationalError" in names or ("InterfaceError" in names and "connection" in str(cause))


def is_outage_known() -> bool:
    """
    Return whether the default database is away, and its backend has logged that: one line for the process.

    A backend that can tell has an `outage`, whose `check` waits until that is known. Django's own cannot.
    """
    outage = getattr(connections[DEFAULT_DB_ALIAS], "outage", None)
    if outage is not None:
        with contextlib.suppress(Exception):
            outage.check()
    return getattr(outage, "is_away", False)


class _Refusals:
    """Logs requests that are refused because the database is away, but not more than one in `LOG_SECONDS`."""

    def __init__(self) -> None:
        self._lock, self._next_at = threading.Lock(), 0.0

    def log(self, path: str, error: BaseException) -> None:
        """Log the refusal of a request for `path`, unless the outage is known."""
        if is_outage_known():
            return
        with self._lock:
            is_due = time.monotonic() >= self._next_at
            if is_due:
                self._next_at = time.monotonic() + LOG_SECONDS
        if is_due:
            logger.error("%s: the database cannot be used (%s). Clients will try again.", path, error)


refusals = _Refusals()


def is_invalid_statement(error: BaseException) -> bool:
    """Return whether SQLite rejects the statement itself, for which other databases raise a ProgrammingError."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def _is_missing(error: BaseException) -> bool:
    if is_invalid_statement(error):
        return MISSING_IN_SQLITE.search(str(error)) is not None
    return getattr(error.__cause__, "sqlstate", None) in MISSING_STATES


def release_connections() -> None:
    """Close this thread's connections, or return them to their pool, except in the middle of a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def use_unpooled_connections() -> None:
    """
    Give this thread connections of its own that are not pooled, and stay open after a call.

    SQLite's are opened again after some seconds, in case that the file was replaced. A connection is not checked
    before a call: after an error, the next opens another.
    """
    for alias in connections:
        own = connections.create_connection(alias)
        options = {name: value for name, value in own.settings_dict["OPTIONS"].items() if name != "pool"}
        stays = {"CONN_MAX_AGE": 5 if own.vendor == "sqlite" else None, "CONN_HEALTH_CHECKS": False}
        own.settings_dict = {**own.settings_dict, "OPTIONS": options, **stays}
        connections[alias] = own
