"""What an error of a database means."""

import sqlite3

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError

from apps.sse.databases import is_away


def caused_by(cls, cause):
    """Return an error of Django with the driver's error as its cause."""
    error = cls(str(cause))
    error.__cause__ = cause
    return error


def in_sqlite(code):
    """Return SQLite's error with a code."""
    error = sqlite3.OperationalError("an error")
    error.sqlite_errorcode = code
    return caused_by(OperationalError, error)


def in_postgresql(state):
    """Return PostgreSQL's error with a code."""
    errors = pytest.importorskip("psycopg.errors")
    return caused_by(OperationalError, errors.lookup(state)("an error"))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_IOERR_WRITE])
def test_a_locked_or_unreadable_file_is_away(code):
    assert is_away(in_sqlite(code))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT])
def test_a_wrong_statement_and_a_full_or_corrupt_file_are_not_away(code):
    assert not is_away(in_sqlite(code))


def test_a_missing_table_of_sqlite_is_not_away():
    with sqlite3.connect(":memory:") as own, pytest.raises(sqlite3.OperationalError) as caught:
        own.execute("SELECT 1 FROM missing")
    assert not is_away(caused_by(OperationalError, caught.value))


@pytest.mark.parametrize("state", ["57P01", "57P03", "53300", "25006", "08006"])
def test_a_server_that_stops_starts_is_full_of_clients_or_only_reads_is_away(state):
    assert is_away(in_postgresql(state))


@pytest.mark.parametrize("state", ["57014", "40P01", "53100"])
def test_a_cancelled_statement_a_deadlock_and_a_full_disk_are_not_away(state):
    assert not is_away(in_postgresql(state))


def test_a_refused_connection_and_a_pool_without_a_free_one_are_away():
    psycopg, pool = pytest.importorskip("psycopg"), pytest.importorskip("psycopg_pool")
    assert is_away(caused_by(OperationalError, psycopg.OperationalError("connection refused")))
    assert is_away(psycopg.OperationalError("connection refused"))
    assert is_away(caused_by(OperationalError, pool.PoolTimeout("no connection after 10 s")))


def test_a_closed_connection_is_away_but_a_wrong_call_is_not():
    assert is_away(InterfaceError("connection already closed"))
    assert not is_away(InterfaceError("the parameters are of the wrong type"))


@pytest.mark.parametrize(
    "error", [None, ValueError("connection"), DatabaseError(), ProgrammingError("connection")]
)
def test_other_errors_are_not_away(error):
    assert not is_away(error)
