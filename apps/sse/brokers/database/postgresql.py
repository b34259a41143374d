"""
PostgreSQL: a transaction writes its events to the outbox, and after its commit they move to the log.

Only one transaction moves events at a time, so numbers are assigned in the order in which events become
visible. A long transaction delays no other, since its events have no numbers yet.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.conninfo import conninfo_to_dict

from ...conf import setting
from ...models import STORED
from ...wire.events import Event
from .. import outbox
from . import FIELDS, TABLE, VALUES, DatabaseBroker, in_transaction, query

LOCK = int.from_bytes(b"sse log")

_AND_ONE_MORE = f"UNION ALL SELECT NULL, {VALUES}"

# One statement is one transaction and one round trip: a reader that sees a number also sees all below it.
# Most of its cost is its plan, so it is kept simple.
_MOVE = f"""
    WITH moved AS (
        DELETE FROM {outbox.TABLE} WHERE (SELECT pg_advisory_xact_lock({LOCK})) IS NOT NULL RETURNING id, {FIELDS}
    )
    INSERT INTO {TABLE} ({FIELDS})
    SELECT {FIELDS} FROM (SELECT id, {FIELDS} FROM moved [AND ONE MORE]) AS events ORDER BY id NULLS LAST
    RETURNING number, pg_notify('{TABLE}', '')
"""

NOTIFICATION_SECONDS = 10
# Query the server this often; reconnect if it does not answer in time.
QUERY_SECONDS = 10.0
ANSWER_SECONDS = 5.0
# A server that vanished without closing the connection is noticed within 25 seconds.
CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "fallback_application_name": "sse",
}
_NOT_FOR_LISTENING = ("context", "cursor_factory", "prepare_threshold")


class PostgreSQLBroker(DatabaseBroker):
    """Appends through the outbox, and listens with LISTEN."""

    CHANNELS_SQL = "unnest(%s::text[]) AS given(value)"
    TEXT_BYTES = "octet_length(text)"

    def append(self, event: Event) -> None:
        if in_transaction():
            outbox.put_and_relay(event, self._move)
        else:
            self._move(event)

    def maintain(self) -> None:
        super().maintain()
        if outbox.oldest(1):
            self._move()

    async def listen(self, wake: Callable[[], object]) -> None:
        database = await psycopg.AsyncConnection.connect(**_address(), autocommit=True)
        try:
            await _execute(database, f"LISTEN {TABLE}")
            await _check_notifications(database)
            while True:
                wake()
                await _receive(database, wake)
                await _execute(database, "SELECT 1")
        finally:
            await database.close()

    def channel_is_one_of(self, count: int) -> str:
        return "channel = ANY(%s::text[])"

    def values_of(self, channels: Collection[str]) -> list[str]:
        return [*channels]

    def _move(self, event: Event | None = None) -> None:
        """Move all committed events from the outbox to the log, then append the given event."""
        values = [getattr(event, name) for name in STORED] if event else []
        if moved := query(_MOVE.replace("[AND ONE MORE]", _AND_ONE_MORE if event else ""), *values):
            self.trim_if_due(newest=moved[-1][0], count=len(moved))


def _address() -> dict[str, Any]:
    if url := setting("SSE_LISTEN_URL"):
        return CONNECTION | conninfo_to_dict(url)
    own = connections[DEFAULT_DB_ALIAS].get_connection_params()
    return CONNECTION | {name: value for name, value in own.items() if name not in _NOT_FOR_LISTENING}


async def _receive(database: psycopg.AsyncConnection, wake: Callable[[], object]) -> None:
    """Call `wake` after each notification, for some seconds; psycopg's generator costs several times as much."""
    loop, socket = asyncio.get_running_loop(), database.fileno()
    broken = loop.create_future()

    def receive() -> None:
        try:
            database.pgconn.consume_input()
            while database.pgconn.notifies():
                wake()
        except psycopg.OperationalError as error:
            loop.remove_reader(socket)
            broken.set_exception(error)

    loop.add_reader(socket, receive)
    try:
        await asyncio.wait({broken}, timeout=QUERY_SECONDS)
    finally:
        loop.remove_reader(socket)
    if broken.done():
        broken.result()


async def _execute(database: psycopg.AsyncConnection, sql: str) -> None:
    answer = asyncio.ensure_future(database.execute(sql))
    try:
        await asyncio.wait({answer}, timeout=ANSWER_SECONDS)
        if not answer.done():
            raise TimeoutError(f"PostgreSQL did not respond for {ANSWER_SECONDS:g} seconds")
    finally:
        if not answer.done():
            # Close first: otherwise psycopg waits ten more seconds for the server to cancel the query.
            await database.close()
            answer.cancel()
            await asyncio.wait({answer})
    await answer


async def _check_notifications(database: psycopg.AsyncConnection) -> None:
    """Raise `ImproperlyConfigured` if notifications do not arrive, as behind a pooler."""
    await _execute(database, f"NOTIFY {TABLE}")
    if not [n async for n in database.notifies(timeout=NOTIFICATION_SECONDS, stop_after=1)]:
        raise ImproperlyConfigured(
            "PostgreSQL accepts LISTEN but its notifications do not arrive, as behind pgbouncer in transaction "
            "mode. Set SSE_LISTEN_URL to the same database's own address, not the pooler's."
        )
