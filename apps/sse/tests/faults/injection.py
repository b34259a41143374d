"""Counts the calls of clients' sockets, the broker and the database, and makes one call fail."""

import asyncio
import functools
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

import psycopg
import redis
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper
from redis.asyncio.connection import AbstractConnection

from apps import sse
from apps.sse.brokers import get_broker
from apps.sse.brokers.database import file
from apps.sse.brokers.database.postgresql import _Listener
from apps.sse.brokers.redis import RedisBroker

LIBRARY = str(Path(sse.__file__).parent)
# Calls that do not come from the library are counted where these files make them.
CALLERS = {str(Path(__file__).with_name(name)) for name in ("publisher.py", "views.py")}
# A wrapper of every query.
PASSED_OVER = {"_note_query"}

# This many frames of the library identify the purpose of a call.
FRAMES = 3

BEFORE, AFTER = "before", "after"
EFFECTS = ("INSERT", "DELETE", "UPDATE", "WITH", "append", "commit", "receive")


class Site(NamedTuple):
    """A place in the code that makes a call which can fail: `kind` is `send`, `broker` or `database`."""

    kind: str
    call: str
    place: str

    @property
    def has_effect(self) -> bool:
        """Whether the call may fail after its effect has happened."""
        return self.call.startswith(EFFECTS)


class Fault(NamedTuple):
    """The call at a site, counted from 1, that fails, and how."""

    site: Site
    occurrence: int
    how: str

    def __str__(self) -> str:
        kind, call, place = self.site
        return f"{kind} {call}, {place}, call {self.occurrence}, {self.how}:"


class Faults:
    """The calls made during one scenario, and the one that fails."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.begin(None)
        self.is_on = False

    def begin(self, fault: Fault | None) -> None:
        """Reset the counts and select the call that fails."""
        self.calls: Counter[Site] = Counter()
        self.fault, self.has_happened, self.is_on = fault, False, True

    def count(self, kind: str, call: str, place: str = "") -> str:
        """Count a call; return how it fails, or "" if it does not."""
        place = place or _place()
        if not (place and self.is_on):
            return ""
        site = Site(kind, call, place)
        with self._lock:
            self.calls[site] += 1
            if self.fault is None or self.fault[:2] != (site, self.calls[site]):
                return ""
            self.has_happened = True
            return self.fault.how

    def call(self, kind: str, call: str, do: Callable[[], Any], error: Callable[[], BaseException]) -> Any:
        """Make a call, or raise before or after it."""
        how = self.count(kind, call)
        if how == BEFORE:
            raise error()
        result = do()
        if how:
            raise error()
        return result

    async def acall(self, kind: str, call: str, do: Callable[[], Any], error: Callable[[], BaseException]) -> Any:
        """Do the same with an awaitable."""
        how = self.count(kind, call)
        if how == BEFORE:
            raise error()
        result = await do()
        if how:
            raise error()
        return result


faults = Faults()
# The connections of all threads, open or closed.
databases: "WeakSet[BaseDatabaseWrapper]" = WeakSet()


def install() -> None:
    """Wrap the methods and drivers that this process's broker and database use."""
    _watch_database()
    _watch_broker(type(get_broker()))
    _watch_redis()
    _watch_postgresql()
    _watch_sqlite_file()


def _place() -> str:
    """Return the library's lines that lead to the call, innermost first; else a line of `CALLERS`, else ""."""
    frame, lines, fallback = sys._getframe(2), list[str](), ""
    while (frame := frame.f_back) and len(lines) < FRAMES:
        name, code = frame.f_code.co_filename, frame.f_code
        if name.startswith(LIBRARY) and "/tests/" not in name and code.co_name not in PASSED_OVER:
            lines.append(f"{name[len(LIBRARY) + 1 :]}:{frame.f_lineno} {code.co_name}")
        elif name in CALLERS and not fallback:
            fallback = f"tests {Path(name).name}:{frame.f_lineno} {code.co_name}"
    return " < ".join(lines) or fallback


def _watch_database() -> None:
    def lost(database: Any) -> BaseException:
        if database.vendor == "postgresql" and database.connection is not None:
            database.connection.close()
        return database.Database.OperationalError("injected")

    def around(method: Callable, call: str | None) -> Callable:
        @functools.wraps(method)
        def watched(self: Any, *arguments: Any) -> Any:
            database = self.db if isinstance(self, CursorWrapper) else self
            with database.wrap_database_errors:
                name = call or str(arguments[0]).split()[0]
                do = functools.partial(method, self, *arguments)
                return faults.call("database", name, do, lambda: lost(database))

        return watched

    CursorWrapper._execute = around(CursorWrapper._execute, None)  # type: ignore[method-assign]
    CursorWrapper._executemany = around(CursorWrapper._executemany, None)  # type: ignore[method-assign]
    for name in ("_commit", "_rollback"):
        setattr(BaseDatabaseWrapper, name, around(getattr(BaseDatabaseWrapper, name), name.strip("_")))
    connection_created.connect(lambda connection, **_: databases.add(connection), weak=False)
    ours = type(connections[DEFAULT_DB_ALIAS])
    ours.get_new_connection = around(ours.get_new_connection, "connect")  # type: ignore[method-assign]


def _watch_broker(broker: Any) -> None:
    def around(method: Callable, name: str) -> Callable:
        @functools.wraps(method)
        def watched(self: Any, *arguments: Any) -> Any:
            call = f"{name} of channels" if name == "read" and len(arguments) == 3 else name
            do = functools.partial(method, self, *arguments)
            return faults.call("broker", call, do, lambda: ConnectionError("injected"))

        return watched

    for name in ("append", "read", "tail", "latest", "trim", "maintain"):
        setattr(broker, name, around(getattr(broker, name), name))
    broker.listen = _watched_listen(broker.listen)


def _watched_listen(listen: Callable) -> Callable:
    """Wrap `listen`: it may fail at once, or once it listens, with an error, cancelled, or by returning."""

    @functools.wraps(listen)
    async def watched(self: Any, wake: Callable[[], object]) -> None:
        how = faults.count("broker", "listen", "a task of its own")
        if not how:
            return await listen(self, wake)
        if how == BEFORE:
            raise ConnectionError("injected")
        listens = asyncio.Event()
        listening = asyncio.ensure_future(listen(self, lambda: (wake(), listens.set())))
        try:
            await listens.wait()
        finally:
            listening.cancel()
            await asyncio.wait({listening})
        if how == "cancelled":
            raise asyncio.CancelledError
        if how == AFTER:
            raise ConnectionError("injected")

    return watched


def _watch_redis() -> None:
    def error() -> BaseException:
        return redis.ConnectionError("injected")

    def name(command: Any) -> str:
        # EVALSHA, the script, the number of keys, the keys, the arguments.
        return str(command[3 + command[2]] if command[0] == "EVALSHA" else command[0])

    call, send, receive = RedisBroker._call, AbstractConnection.send_command, asyncio.StreamReader.read

    def watched(self: Any, *command: Any) -> Any:
        return faults.call("broker", name(command), lambda: call(self, *command), error)

    async def watched_command(self: Any, *command: Any, **options: Any) -> Any:
        return await faults.acall("broker", name(command), lambda: send(self, *command, **options), error)

    async def watched_receive(self: Any, size: int) -> Any:
        return await faults.acall("broker", "receive", lambda: receive(self, size), error)

    RedisBroker._call = watched  # type: ignore[method-assign]
    AbstractConnection.send_command = watched_command  # type: ignore[method-assign]
    asyncio.StreamReader.read = watched_receive  # type: ignore[method-assign]


def _watch_postgresql() -> None:
    def error() -> BaseException:
        return psycopg.OperationalError("injected")

    connect, query, receive = psycopg.AsyncConnection.connect, _Listener.query, _Listener.receive

    async def watched_connect(*arguments: Any, **options: Any) -> Any:
        return await faults.acall("broker", "connect", lambda: connect(*arguments, **options), error)

    def watched_query(self: Any, *statements: str) -> None:
        faults.call("broker", (*statements, "end")[0].split()[0], lambda: query(self, *statements), error)

    def watched_receive(self: Any) -> None:
        faults.call("broker", "receive", lambda: receive(self), error)

    psycopg.AsyncConnection.connect = watched_connect  # type: ignore[method-assign]
    _Listener.query, _Listener.receive = watched_query, watched_receive  # type: ignore[method-assign]


def _watch_sqlite_file() -> None:
    def error() -> BaseException:
        failure = sqlite3.OperationalError("injected")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR
        return failure

    def around(method: Callable, name: str) -> Callable:
        @functools.wraps(method)
        def watched(*arguments: Any) -> Any:
            return faults.call("broker", name, lambda: method(*arguments), error)

        return watched

    for name in ("__init__", "is_replaced", "newest"):
        setattr(file.LogFile, name, around(getattr(file.LogFile, name), f"LogFile.{name}"))
