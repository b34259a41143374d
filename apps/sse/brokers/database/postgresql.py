"""
PostgreSQL: a transaction writes its events to the outbox, and after its commit they move to the log.

Only one transaction moves events at a time, so numbers are assigned in the order in which events become
visible. A long transaction delays no other, since its events have no numbers yet.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.adapt import Transformer
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import error_from_result

from ...conf import setting
from ...models import STORED
from ...wire.events import Event
from .. import outbox
from . import FIELDS, NEWEST, TABLE, VALUES, DatabaseBroker, in_transaction, query

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

# Query the server after this silence; reconnect if it does not answer in time.
QUERY_SECONDS = 10.0
# After this silence a notification leads to a query for the newest events. During a flood `listen` sleeps.
SILENCE_SECONDS, GATHER_SECONDS = 0.05, 0.005
ANSWER_SECONDS = 5.0
# A server that vanished without closing the connection is noticed within 25 seconds.
CONNECTION = {
    "client_encoding": "utf8",
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

    async def listen(self, wake: Callable[..., object]) -> None:
        database = await psycopg.AsyncConnection.connect(**_address(), autocommit=True)
        loop, socket, listener = asyncio.get_running_loop(), database.fileno(), _Listener(database)
        loop.add_reader(socket, listener.readable.set)
        try:
            await listener.query(f"LISTEN {TABLE}")
            await listener.query(f"NOTIFY {TABLE}")
            if not await listener.is_notified():
                raise ImproperlyConfigured(
                    "PostgreSQL accepts LISTEN but its notifications do not arrive, as behind pgbouncer in "
                    "transaction mode. Set SSE_LISTEN_URL to the same database's own address, not the pooler's."
                )
            wake()
            while True:
                began = time.monotonic()
                await listener.is_notified()
                waited = time.monotonic() - began
                wake(*await listener.newest() if waited > SILENCE_SECONDS else ())
                if waited < GATHER_SECONDS:
                    await asyncio.sleep(GATHER_SECONDS)
        finally:
            loop.remove_reader(socket)
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


class _Listener:
    """A connection that listens. Its queries have no cursor, which would cost several times as much."""

    def __init__(self, database: psycopg.AsyncConnection) -> None:
        self._connection, self._transformer = database.pgconn, Transformer(database)
        # Whether the server has sent something.
        self.readable = asyncio.Event()

    async def is_notified(self) -> bool:
        """Return whether a notification arrives before a silence of `QUERY_SECONDS`."""
        with contextlib.suppress(TimeoutError):
            while not [*iter(self._connection.notifies, None)]:
                await self._receive(QUERY_SECONDS)
            return True
        return False

    async def newest(self) -> list[Event]:
        """Return the newest two events in order; none if the role of `SSE_LISTEN_URL` may not read the log."""
        try:
            result = await self.query(NEWEST)
        except psycopg.ProgrammingError:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, lambda row: Event(*row))[::-1]

    async def query(self, sql: str) -> Any:
        """Return the result of a statement."""
        self._connection.send_query(sql.encode())
        self._connection.flush()
        results = list[Any]()
        while None not in results:
            while self._connection.is_busy():
                await self._receive(ANSWER_SECONDS)
            results.append(self._connection.get_result())
        if results[0].error_message:
            raise error_from_result(results[0])
        return results[0]

    async def _receive(self, seconds: float) -> None:
        """Receive what the server sends next; raises `TimeoutError`, or psycopg's `OperationalError`."""
        try:
            async with asyncio.timeout(seconds):
                await self.readable.wait()
        except TimeoutError:
            raise TimeoutError(f"PostgreSQL did not respond for {seconds:g} seconds") from None
        self.readable.clear()
        self._connection.consume_input()
