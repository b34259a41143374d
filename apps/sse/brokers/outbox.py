"""The outbox: a table of the default database with the events that are committed and not in the log yet."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Collection
from typing import Any

from ..models import OutgoingEvent
from ..wire.events import Event
from .database import FIELDS, after_commit, connection, insert, query

TABLE = OutgoingEvent._meta.db_table
# How often, and at which intervals, to try to write to SQLite before its own wait. A write takes about 0.1 ms.
TRIES = 20
RETRY_SECONDS = 0.00005


def put(event: Event) -> int:
    """Store an event, as part of the caller's transaction if there is one, and return its key."""
    return insert(OutgoingEvent, event)


def put_and_relay(event: Event, relay: Callable[[], object]) -> None:
    """Store an event in the caller's transaction, and call `relay` once after its commit, for all its events."""
    put(event)
    ours = connection()
    here = set(ours.savepoint_ids)
    # The hook of an inner transaction is lost if that is rolled back.
    if not any(do == relay and savepoints <= here for savepoints, do, _ in ours.run_on_commit):
        after_commit(relay)


def oldest(limit: int) -> dict[int, Event]:
    """Return the oldest events by their keys, `limit` at most."""
    rows = query(f"SELECT id, {FIELDS} FROM {TABLE} ORDER BY id LIMIT %s", limit)
    return {key: Event(*fields) for key, *fields in rows}


def remove(keys: Collection[int]) -> None:
    """Remove events that are in the log."""
    sql = f"DELETE FROM {TABLE} WHERE id IN ({', '.join(['%s'] * len(keys))})"
    ours = connection()
    if ours.vendor != "sqlite" or not _try_often(ours, sql.replace("%s", "?"), *keys):
        query(f"{sql} RETURNING id", *keys)


def _try_often(ours: Any, sql: str, *values: int) -> bool:
    """
    Try to write; return whether it was possible soon. SQLite itself waits for 1 ms and longer between its tries.

    This does not use Django's cursors, which would cost as much time as it saves.
    """
    ours.ensure_connection()
    run = ours.connection.execute
    run("PRAGMA busy_timeout = 0")
    try:
        for _ in range(TRIES):
            with contextlib.suppress(sqlite3.OperationalError):
                run(sql, values)
                return True
            time.sleep(RETRY_SECONDS)
        return False
    finally:
        run(f"PRAGMA busy_timeout = {1000 * ours.settings_dict['OPTIONS'].get('timeout', 5):.0f}")
