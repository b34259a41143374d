"""What a client is told when the database fails in front of a stream."""

import functools
import logging
import re
import sqlite3

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from .limits import refuse

UNAVAILABLE = "Events cannot be had at the moment."
# PostgreSQL's undefined_table and undefined_column.
MISSING_STATES = {"42P01", "42703"}
# SQLite has one code for every mistake in a statement, so only its words tell them apart.
MISSING_IN_SQLITE = re.compile(r"no such (table|column)|has no column named")

logger = logging.getLogger("apps.sse")


def answer_to(error: Error, request: HttpRequest) -> HttpResponse | None:
    """
    Return the response to a request that a database error has stopped, None if the error is a bug.

    503 with `Retry-After` for a database that cannot be reached or does not answer, 500 for one that
    was not migrated.
    """
    if hint := migration_hint(error):
        log_once(hint)
        return HttpResponse(f"{hint if settings.DEBUG else UNAVAILABLE}\n", status=500, content_type="text/plain")
    if not isinstance(error, OperationalError | InterfaceError) or _is_mistake(error):
        return None
    logger.error("%s: the database failed; the client was told to come back.", request.path, exc_info=error)
    return refuse(503, UNAVAILABLE)


def migration_hint(error: BaseException) -> str:
    """Return what to run if an error means that the database lacks a table or a column, "" for other errors."""
    if not (_is_missing_in_sqlite(error) or getattr(error.__cause__, "sqlstate", None) in MISSING_STATES):
        return ""
    first_line = str(error).partition("\n")[0]
    return f"The database is not migrated ({first_line}): run `python manage.py migrate`."


@functools.cache
def log_once(message: str) -> None:
    """Log an error that each retry of each client meets again, once in this process."""
    logger.error(message)


def _is_missing_in_sqlite(error: BaseException) -> bool:
    return _is_mistake(error) and MISSING_IN_SQLITE.search(str(error)) is not None


def _is_mistake(error: BaseException) -> bool:
    """Return whether SQLite refuses the statement itself: other databases raise a ProgrammingError for that."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
