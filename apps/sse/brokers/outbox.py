"""Events that wait in the default database until a log outside of it has taken them."""

import threading
from collections.abc import Callable, Collection

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet

from ..events import Event
from ..models import STORED, OutgoingEvent


def in_transaction() -> bool:
    """Say whether what this thread writes now can still be rolled back."""
    return not transaction.get_connection(DEFAULT_DB_ALIAS).get_autocommit()


def put(event: Event) -> None:
    """Let an event wait, as part of the caller's transaction if there is one."""
    OutgoingEvent.of(event).save(using=DEFAULT_DB_ALIAS, force_insert=True)


def waiting(limit: int) -> dict[int, Event]:
    """Return the events that wait, by their keys: the oldest first, `limit` at most."""
    rows = _rows().order_by("pk")[:limit].values_list("pk", *STORED)
    return {pk: Event(*fields) for pk, *fields in rows}


def done(keys: Collection[int]) -> None:
    """Forget events that the log has taken."""
    _rows().filter(pk__in=keys).delete()


class OnceAfterCommit:
    """What is to be done once after the commit of a transaction, however often this is called in it."""

    def __init__(self, do: Callable[[], object]) -> None:
        self._do = do
        self._thread = threading.local()

    def __call__(self) -> None:
        pending = getattr(self._thread, "pending", None)
        if pending is None or pending.done:
            pending = self._thread.pending = _Once(self._do)
        # Each call leaves a hook, since the savepoint of another may be rolled back. Where Django
        # leaves transactions to the caller it has none.
        if transaction.get_connection(DEFAULT_DB_ALIAS).in_atomic_block:
            transaction.on_commit(pending, using=DEFAULT_DB_ALIAS, robust=True)


class _Once:
    def __init__(self, do: Callable[[], object]) -> None:
        self._do = do
        self.done = False

    def __call__(self) -> None:
        if not self.done:
            self.done = True
            self._do()


def _rows() -> "QuerySet[OutgoingEvent]":
    return OutgoingEvent.objects.using(DEFAULT_DB_ALIAS)
