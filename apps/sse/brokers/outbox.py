"""The outbox: a table of the default database with the events that are committed and not in the log yet."""

import threading
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet

from ..models import STORED, OutgoingEvent
from ..wire.events import Event
from .database import connection, insert

TABLE = OutgoingEvent._meta.db_table


def put(event: Event) -> int:
    """Store an event, as part of the caller's transaction if there is one, and return its key."""
    return insert(OutgoingEvent, event)


def oldest(limit: int, upto: int | None = None) -> dict[int, Event]:
    """Return the oldest events by their keys: `limit` at most, and none with a key above `upto`."""
    rows = _rows() if upto is None else _rows().filter(pk__lte=upto)
    return {pk: Event(*fields) for pk, *fields in rows.order_by("pk")[:limit].values_list("pk", *STORED)}


def remove(keys: Collection[int]) -> None:
    """Remove events that are in the log."""
    _rows().filter(pk__in=keys).delete()


def is_empty() -> bool:
    """Return whether no committed event is in the outbox."""
    return not _rows().exists()


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


def _rows() -> "QuerySet[OutgoingEvent]":
    return OutgoingEvent.objects.using(connection().alias)
