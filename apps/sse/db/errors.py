"""Database errors that mean that the database was not migrated."""

import functools
import logging
import re
import sqlite3

# PostgreSQL's undefined_table and undefined_column.
MISSING_STATES = {"42P01", "42703"}
# SQLite has one code for all errors in a statement, so the message has to be matched.
MISSING_IN_SQLITE = re.compile(r"no such (table|column)|has no column named")

logger = logging.getLogger("apps.sse")


def migration_hint(error: BaseException | None) -> str:
    """
    Return the command to run if an error means that the database lacks a table or a column, else "".

    It is logged once in this process, since each retry of each client causes the error again.
    """
    if error is None or not _is_missing(error):
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
    """Return whether SQLite rejects the statement itself, for which other databases raise a ProgrammingError."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def _is_missing(error: BaseException) -> bool:
    if is_mistake(error):
        return MISSING_IN_SQLITE.search(str(error)) is not None
    return getattr(error.__cause__, "sqlstate", None) in MISSING_STATES
