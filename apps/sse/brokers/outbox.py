"""The outbox: a table of the default database with the events that are committed and not in the log yet."""

from collections.abc import Callable, Collection

from ..models import OutgoingEvent
from ..wire.events import Event
from .database import FIELDS, after_commit, connection, insert, query

TABLE = OutgoingEvent._meta.db_table


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
    query(f"DELETE FROM {TABLE} WHERE id IN ({', '.join(['%s'] * len(keys))}) RETURNING id", *keys)
