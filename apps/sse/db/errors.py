"""Database errors that mean that the database was not migrated."""

import functools
import logging
import re
import sqlite3

# PostgreSQL's undefined_table and undefined_column.
MISSING_STATES = {"42P01", "42703"}
# SQLite has one code for every mistake in a statement, so only its words tell them apart.
MISSING_IN_SQLITE = re.compile(r"no such (table|column)|has no column named")

logger = logging.getLogger("apps.sse")


def migration_hint(error: BaseException | None) -> str:
    """
    Return what to run if an error means that the database lacks a table or a column, "" for others.

    It is logged, once in this process: each retry of each client would meet it again.
    """
    if error is None or not (_is_missing_in_sqlite(error) or _state_of(error) in MISSING_STATES):
        return ""
    first_line = str(error).partition("\n")[0]
    hint = f"The database is not migrated ({first_line}): run `python manage.py migrate`."
    log_once(hint)
    return hint


@functools.cache
def log_once(message: str) -> None:
    """Log an error once in this process."""
    logger.error(message)


def is_mistake(error: BaseException) -> bool:
    """Return whether SQLite refuses the statement itself: other databases raise a ProgrammingError for that."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def _is_missing_in_sqlite(error: BaseException) -> bool:
    return is_mistake(error) and MISSING_IN_SQLITE.search(str(error)) is not None


def _state_of(error: BaseException) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
