"""The outbox: a table of the default database with the events that are committed and not in the log yet."""

import threading
from collections.abc import Collection
from dataclasses import dataclass

from ..models import OutgoingEvent
from ..wire.events import Event
from .database import FIELDS, insert, query

TABLE = OutgoingEvent._meta.db_table
MAX_KEY = 2**63 - 1


def put(event: Event) -> int:
    """Store an event, as part of the caller's transaction if there is one, and return its key."""
    return insert(OutgoingEvent, event)


def oldest(limit: int, upto: int = MAX_KEY) -> dict[int, Event]:
    """Return the oldest events by their keys: `limit` at most, and none with a key above `upto`."""
    sql = f"SELECT id, {FIELDS} FROM {TABLE} WHERE id <= %s ORDER BY id LIMIT %s"
    return {key: Event(*fields) for key, *fields in query(sql, upto, limit)}


def remove(keys: Collection[int]) -> None:
    """Remove events that are in the log."""
    query(f"DELETE FROM {TABLE} WHERE id IN ({', '.join(['%s'] * len(keys))}) RETURNING id", *keys)


@dataclass
class Batch:
    """Events that a thread has put, to be sent to the log together after its commit; `last` is the newest key."""

    last: int = 0
    is_pending: bool = False
    # A non-durable event follows, which is sent without the outbox: later events need a new batch.
    is_closed: bool = False


class Batches(threading.local):
    """The newest batch of each thread."""

    def __init__(self) -> None:
        self.newest = Batch()

    def add(self, key: int) -> Batch:
        """Return the batch to which the event with that key belongs."""
        if self.newest.is_closed or not self.newest.is_pending:
            self.newest = Batch(is_pending=True)
        self.newest.last = key
        return self.newest
