"""`database://`: the log is a table of the default database, which is SQLite or PostgreSQL."""

import time
from abc import abstractmethod
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, Self

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from ...conf import setting
from ...models import STORED, LoggedEvent, LogMark, StoredEvent
from ...wire.events import Event, Position
from ..base import EVENT_BYTES, Broker, Gap

VENDORS = {"sqlite": "sqlite.SQLiteBroker", "postgresql": "postgresql.PostgreSQLBroker"}

TABLE = LoggedEvent._meta.db_table
MARKS = LogMark._meta.db_table
FIELDS = ", ".join(STORED)
VALUES = ", ".join(["%s"] * len(STORED))
# The newest event and the one before it. The rows of these queries are the arguments of `Event`.
NEWEST = f"SELECT {FIELDS}, number FROM {TABLE} ORDER BY number DESC LIMIT 2"

TRIM_EVERY = 100
# Each process also trims at this interval.
TRIM_SECONDS = 600.0
TRIM_BATCH = 1000


class DatabaseBroker(Broker):
    """
    Reading and trimming, shared by both databases; the subclasses append and listen.

    `DatabaseBroker(url)` returns an instance of the matching subclass, or raises `ImproperlyConfigured`.
    """

    # A table of channels with the column `value`. Its only parameter is `values_of(channels)`: databases limit the
    # number of parameters.
    CHANNELS_SQL: str
    # The number of bytes in the column `text`.
    TEXT_BYTES: str

    def __new__(cls, url: str = "") -> Self:
        return super().__new__(_class_for(connections[DEFAULT_DB_ALIAS].vendor) if cls is DatabaseBroker else cls)

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._trim_at = time.monotonic() + TRIM_SECONDS

    @abstractmethod
    def values_of(self, channels: Collection[str]) -> Any:
        """Return the channels as the one parameter of `CHANNELS_SQL`."""

    def channel_is_one_of(self, count: int) -> str:
        """Return the condition for that many channels; its parameter is `values_of(channels)`."""
        return f"channel IN (SELECT given.value FROM {self.CHANNELS_SQL})"

    def read(self, after: Position, limit: int, channels: Collection[str] | None = None) -> list[Event]:
        if channels is None:
            found = _events("WHERE number >= %s ORDER BY number LIMIT %s", after.number, limit + 1)
            if not found or found.pop(0).position != after:
                raise Gap(after)
            return found
        where = f"WHERE {self.channel_is_one_of(len(channels))} AND number > %s ORDER BY number LIMIT %s"
        found = _events(where, self.values_of(channels), after.number, limit)
        # Events are trimmed from the oldest on: with the position after the read, the page is complete.
        if self.missing([after]):
            raise Gap(after)
        return found

    def missing(self, positions: Collection[Position]) -> set[Position]:
        numbers = self.values_of([str(position.number) for position in positions])
        where = f"WHERE number IN (SELECT CAST(given.value AS bigint) FROM {self.CHANNELS_SQL})"
        return {*positions}.difference(query(f"SELECT number, tag FROM {TABLE} {where}", numbers))

    def tail(self, limit: int) -> list[Event]:
        while not (newest := _events("ORDER BY number DESC LIMIT %s", max(limit, 1))):
            # Another process may do the same at the same time: a second mark does no harm.
            insert(LoggedEvent, Event(channel="", name="mark", text=""))
        return newest[::-1]

    def position(self) -> Position:
        alias = router.db_for_read(LoggedEvent)
        if alias == DEFAULT_DB_ALIAS:
            return super().position()
        of_replica = LoggedEvent.objects.using(alias).order_by("-number").values_list("number", "tag").first()
        # If the replica has no log yet, return an unknown position, so that clients load their data again.
        return Position(*(of_replica or (0, "0" * 8)))

    def latest(self, channels: Collection[str]) -> list[Event]:
        newest = f"""
            SELECT (
                SELECT own.number FROM {TABLE} AS own WHERE own.channel = given.value AND own.durable
                ORDER BY own.number DESC LIMIT 1
            ) FROM {self.CHANNELS_SQL}
        """
        return _events(f"WHERE number IN ({newest}) ORDER BY number", self.values_of(channels))

    def trim(self) -> int:
        self._mark()
        if (newest := _marks().order_by("number").last()) is None:
            return 0
        first_kept = max(newest.number - setting("SSE_RETENTION_COUNT"), _last_expired(newest)) + 1
        if dropped := _drop_before(min(first_kept, newest.number)):
            _marks().filter(number__lt=first_kept - 1).exclude(pk=newest.pk).delete()
        return dropped

    def maintain(self) -> None:
        if time.monotonic() >= self._trim_at:
            self._trim_at = time.monotonic() + TRIM_SECONDS
            self.trim()

    def trim_if_due(self, newest: int, count: int = 1) -> None:
        """Trim after the commit if one of the last `count` numbers is a multiple of `TRIM_EVERY`."""
        if newest // TRIM_EVERY != (newest - count) // TRIM_EVERY:
            after_commit(self.trim)

    def _mark(self) -> None:
        """Store the size of the log up to its newest event; reads only the events since the last mark."""
        sql = f"""
            INSERT INTO {MARKS} (number, size)
            SELECT newest.number, coalesce(mark.size, 0) + (
                SELECT sum({EVENT_BYTES} + length(channel) + length(name) + {self.TEXT_BYTES}) FROM {TABLE}
                WHERE number > coalesce(mark.number, 0) AND number <= newest.number
            )
            FROM (SELECT max(number) AS number FROM {TABLE}) AS newest
            LEFT JOIN (SELECT number, size FROM {MARKS} ORDER BY number DESC LIMIT 1) AS mark ON TRUE
            WHERE newest.number > coalesce(mark.number, 0)
            ON CONFLICT DO NOTHING
        """
        with connection().cursor() as cursor:
            # A log that was restored from a backup may be behind the marks.
            cursor.execute(f"DELETE FROM {MARKS} WHERE number > (SELECT max(number) FROM {TABLE})")
            cursor.execute(sql)


def connection() -> Any:
    """Return this thread's connection to the database; reconnect if the last one broke."""
    ours = connections[DEFAULT_DB_ALIAS]
    if ours.errors_occurred and ours.autocommit:
        ours.close_if_unusable_or_obsolete()
    return ours


def in_transaction() -> bool:
    """Return whether this thread's writes can still be rolled back; does not connect to the database."""
    ours = connection()
    if ours.connection is None:
        return ours.in_atomic_block or not ours.settings_dict["AUTOCOMMIT"]
    return not ours.get_autocommit()


def after_commit(do: Callable[[], object]) -> bool:
    """
    Call `do` after the caller's transaction commits; errors are only logged, because it is too late to fail.

    Returns False if `do` will not be called: Django does not see commits outside `atomic()`.
    """
    ours = connection()
    if ours.in_atomic_block or ours.get_autocommit():
        ours.on_commit(do, robust=True)
        return True
    return False


def query(sql: str, *values: Any) -> list[tuple]:
    """Return the rows of a statement. A QuerySet costs several times as much as the statement itself."""
    with connection().cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def insert(table: type[StoredEvent], event: Event) -> int:
    """Insert an event into the log or the outbox, and return its key."""
    meta = table._meta
    sql = f"INSERT INTO {meta.db_table} ({FIELDS}) VALUES ({VALUES}) RETURNING {meta.pk.attname}"
    return query(sql, *(getattr(event, name) for name in STORED))[0][0]


def _class_for(vendor: str) -> Any:
    if vendor not in VENDORS:
        raise ImproperlyConfigured(
            f"SSE_BROKER_URL is database://, which needs SQLite or PostgreSQL, but the default database is "
            f"{vendor}. Set SSE_BROKER_URL to redis://… or change DATABASE_URL."
        )
    return import_string(f"{__name__}.{VENDORS[vendor]}")


def _marks() -> "QuerySet[LogMark]":
    return LogMark.objects.using(connection().alias)


def _last_expired(newest: LogMark) -> int:
    """Return the number of the last event that is too old or exceeds the byte limit; 0 if there is none."""
    is_old = Q(at__lte=Now() - timedelta(seconds=setting("SSE_RETENTION_AGE")))
    is_over_size = Q(size__lte=newest.size - setting("SSE_RETENTION_BYTES"))
    return _marks().filter(is_old | is_over_size).aggregate(last=Max("number"))["last"] or 0


def _events(where: str, *values: Any) -> list[Event]:
    return [Event(*row) for row in query(f"SELECT {FIELDS}, number FROM {TABLE} {where}", *values)]


def _drop_before(number: int) -> int:
    dropped = 0
    expired = LoggedEvent.objects.using(connection().alias).filter(number__lt=number)
    while (first := expired.order_by("number").values_list("number", flat=True).first()) is not None:
        dropped += expired.filter(number__lt=first + TRIM_BATCH).delete()[0]
    return dropped
