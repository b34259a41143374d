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

# What a connection that listens begins with. A statement that is prepared takes two thirds of the time.
_START = (f"LISTEN {TABLE}", f"PREPARE newest AS {NEWEST}", f"NOTIFY {TABLE}")
_NEWEST = "EXECUTE newest"
# Query the server after this silence; reconnect if it does not answer in time.
QUERY_SECONDS = 10.0
ANSWER_SECONDS = 5.0
# After this silence a notification leads to a query for the newest events.
SILENCE_SECONDS = 0.05
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
        loop, socket, listener = asyncio.get_running_loop(), database.fileno(), _Listener(database, wake)
        loop.add_reader(socket, listener.call, listener.receive)
        try:
            await listener.failure
        finally:
            loop.remove_reader(socket)
            listener.next.cancel()
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
    """
    A connection that listens, and calls `wake`; `failure` gets the exception that ends it.

    It has callbacks and no cursor: an event would cost several times as much with a cursor, a task and timeouts.
    """

    def __init__(self, database: psycopg.AsyncConnection, wake: Callable[..., object]) -> None:
        self._connection, self._transformer, self._wake = database.pgconn, Transformer(database), wake
        self._loop = asyncio.get_running_loop()
        self.failure: asyncio.Future[None] = self._loop.create_future()
        # Those without a complete answer; the first one was sent.
        self._statements: list[str] = []
        self._is_notified, self._notified_at = False, 0.0
        self.next: asyncio.Handle = self._loop.call_soon(self.call, self.query, *_START)

    def call(self, method: Callable[..., None], *arguments: Any) -> None:
        """Call a method; after it the server has to send something in time."""
        self.next.cancel()
        try:
            method(*arguments)
        except Exception as error:
            if not self.failure.done():
                self.failure.set_exception(error)
        else:
            seconds = ANSWER_SECONDS if self._statements else QUERY_SECONDS
            self.next = self._loop.call_later(seconds, self.call, self._on_silence)

    def query(self, *statements: str) -> None:
        """Send the first statement; each other one follows the answer to the one before."""
        self._statements = [*statements]
        if statements:
            self._connection.send_query(statements[0].encode())
            # Never waits. A full buffer, which so little does not cause, would be a server that does not answer.
            self._connection.flush()

    def receive(self) -> None:
        """Handle all that was received: under TLS the socket is not readable again for what is decrypted."""
        self._connection.consume_input()
        while self._statements and not self._connection.is_busy():
            if result := self._connection.get_result():
                self._answer(self._statements[0], result)
            else:
                self.query(*self._statements[1:])
        if [*iter(self._connection.notifies, None)]:
            self._notify()

    def _notify(self) -> None:
        was_notified, silence = self._is_notified, self._loop.time() - self._notified_at
        self._is_notified, self._notified_at = True, self._loop.time()
        if was_notified and silence > SILENCE_SECONDS and not self._statements:
            self.query(_NEWEST)
        else:
            self._wake()

    def _answer(self, statement: str, result: Any) -> None:
        """Wake with the newest two events, or with none if the role of `SSE_LISTEN_URL` may not read the log."""
        if result.error_message:
            error = error_from_result(result)
            if not isinstance(error, psycopg.ProgrammingError):
                raise error
        if statement == _NEWEST:
            self._transformer.set_pgresult(result)
            self._wake(*self._transformer.load_rows(0, result.ntuples, lambda row: Event(*row))[::-1])

    def _on_silence(self) -> None:
        if self._statements:
            raise TimeoutError(f"PostgreSQL did not respond for {ANSWER_SECONDS:g} seconds")
        if not self._is_notified:
            raise ImproperlyConfigured(
                "PostgreSQL accepts LISTEN but its notifications do not arrive, as behind pgbouncer in "
                "transaction mode. Set SSE_LISTEN_URL to the same database's own address, not the pooler's."
            )
        self.query(_NEWEST)
