"""Events that wait in the default database until a log outside of it has taken them."""

import threading
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet

from ..models import STORED, OutgoingEvent
from ..wire.events import Event
from .database import connection


def in_transaction() -> bool:
    """Say whether what this thread writes now can still be rolled back, without asking the database."""
    ours = connection()
    if ours.connection is None:
        return ours.in_atomic_block or not ours.settings_dict["AUTOCOMMIT"]
    return not ours.get_autocommit()


def has_hooks() -> bool:
    """Say whether something can be done after the commit; not where Django leaves transactions to the caller."""
    return connection().in_atomic_block


def put(event: Event) -> int:
    """Let an event wait, as part of the caller's transaction if there is one, and return its key."""
    row = OutgoingEvent.of(event)
    row.save(using=connection().alias, force_insert=True)
    return row.pk


def waiting(limit: int, upto: int | None = None) -> dict[int, Event]:
    """Return the events that wait, by their keys: the oldest first, `limit` at most, none behind `upto`."""
    rows = _rows() if upto is None else _rows().filter(pk__lte=upto)
    return {pk: Event(*fields) for pk, *fields in rows.order_by("pk")[:limit].values_list("pk", *STORED)}


def done(keys: Collection[int]) -> None:
    """Forget events that the log has taken."""
    _rows().filter(pk__in=keys).delete()


@dataclass
class Batch:
    """What a thread has put, to be sent on together after its commit."""

    last: int = 0
    is_due: bool = False
    # Something else is to be sent between this batch and what the thread puts next.
    is_closed: bool = False


class Batches(threading.local):
    """The newest batch of each thread."""

    def __init__(self) -> None:
        self.newest = Batch()

    def add(self, key: int) -> Batch:
        """Return the batch to which a thread's next event belongs."""
        if self.newest.is_closed or not self.newest.is_due:
            self.newest = Batch(is_due=True)
        self.newest.last = key
        return self.newest


def _rows() -> "QuerySet[OutgoingEvent]":
    return OutgoingEvent.objects.using(connection().alias)
