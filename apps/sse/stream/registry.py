"""
The open streams of this process: counted, kept alive, and ended.

Each event loop has a registry, whose one timer serves all of its connections.
"""

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from django.dispatch import Signal

from . import recent_revocations
from .listening_sockets import Listeners

logger = logging.getLogger("apps.sse")

TICK_SECONDS = 1.0
# A client that was told to come back and has not taken its last bytes for so long is waited for no more.
LINGER_SECONDS = 30.0


class Client(NamedTuple):
    """
    The client of a stream: the primary key of the logged-in user or None, the session's key or "", and
    the client's address or "".

    `session_hash` identifies the session where its key must not appear. `fingerprint` identifies the
    state of the user's account; it is None if unknown.
    """

    user_pk: Any = None
    session_key: str = ""
    address: str = ""
    session_hash: int = 0
    fingerprint: int | None = None


class ConnectionCounts:
    """How many connections there are, opened or about to be: in all, of each user, from each address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: deque[Client] = deque()
        self.users: Counter[Any] = Counter()
        self.addresses: Counter[str] = Counter()
        self.total = 0

    def add(self, client: Client) -> None:
        """Count one connection more."""
        with self._lock:
            self._count(client, 1)
        self._settle()

    def remove(self, client: Client) -> None:
        """Count one connection less; safe to call from a destructor, which may run in the middle of counting."""
        self._left.append(client)
        self._settle()

    def _settle(self) -> None:
        # Whoever holds the lock looks again after it.
        while self._left and self._lock.acquire(blocking=False):
            try:
                if self._left:
                    self._count(self._left.popleft(), -1)
            finally:
                self._lock.release()

    def _count(self, client: Client, change: int) -> None:
        self.total += change
        for counter, key in ((self.users, client.user_pk), (self.addresses, client.address)):
            counter[key] += change
            if not counter[key]:
                del counter[key]


connection_counts = ConnectionCounts()


class OpenConnection(Protocol):
    """What a registry needs to know of a connection, as `Connection` says it."""

    client: Client
    opening_since: recent_revocations.Revocation | None
    permissions: int | None
    name: str
    opened_at: float
    events: int
    ends_at: float
    backlog_bytes: int

    @property
    def outcome(self) -> str: ...
    def keep_alive(self, now: float) -> None: ...
    def end(self, reason: str) -> None: ...
    def force_close(self) -> None: ...


# Sent on its event loop with each `stream` that was opened; what a receiver raises ends the stream.
stream_opened = Signal()


class Registry:
    """The open connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.connections: set[OpenConnection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._listeners = Listeners()

    def add(self, connection: OpenConnection) -> None:
        """Count a connection, and end it if that was decided since its request began."""
        self.connections.add(connection)
        logger.info("%s: stream opened", connection.name, extra={"stream": connection.name})
        # In a context of its own: it outlives the request of the first connection.
        self._timer = self._timer or self.loop.call_later(TICK_SECONDS, self._tick, context=contextvars.Context())
        _each([connection], _announce)
        _each([connection], self._end_if_revoked)

    def discard(self, connection: OpenConnection) -> None:
        """Count a connection no more, and log what it was."""
        self.connections.discard(connection)
        told = {
            "stream": connection.name,
            "duration": round(time.time() - connection.opened_at, 3),
            "events": connection.events,
            "reason": connection.outcome,
        }
        logger.info("%(stream)s: closed after %(duration)s s, %(events)s events: %(reason)s", told, extra=told)

    def end(self, which: Callable[[OpenConnection], bool], reason: str) -> None:
        """End some of the connections."""
        _each(self.connections, _end_if, which, reason)

    def revoke(self, which: Callable[[OpenConnection], bool], reason: str) -> None:
        """End some of the connections, and those of them that are still opening."""
        recent_revocations.remember(which, reason)
        self.end(which, reason)

    def force_close(self) -> None:
        """Wait no longer for any client."""
        _each(self.connections, _force_close)

    def _end_if_revoked(self, connection: OpenConnection) -> None:
        for revocation in connection.opening_since.later() if connection.opening_since else ():
            if revocation.matches(connection):
                connection.end(revocation.reason)
        # Or it would keep all that are to come.
        connection.opening_since = None

    def _tick(self) -> None:
        # First, so that nothing that is raised below can stop it.
        self._timer = self.loop.call_later(TICK_SECONDS, self._tick) if self.connections else None
        _each(self.connections, _look_after, time.monotonic())
        if self._listeners.closed():
            self._listeners = Listeners()
            self.end(_every, "restart")


_registries: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Registry]" = weakref.WeakKeyDictionary()
_stopping = False


def get_registry() -> Registry:
    """Return the registry of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _registries:
        _registries[loop] = Registry(loop)
    return _registries[loop]


def is_stopping() -> bool:
    """Return whether this process is about to stop."""
    return _stopping


def all_open() -> list[OpenConnection]:
    """Return the open connections of this process."""
    return [c for registry in list(_registries.values()) for c in list(registry.connections)]


def is_open(connection: OpenConnection) -> bool:
    """Return whether this process has the connection open."""
    return any(connection in registry.connections for registry in list(_registries.values()))


def open_streams() -> int:
    """Return the number of open streams of this process."""
    return len(all_open())


def end(which: Callable[[OpenConnection], bool], reason: str) -> None:
    """End the streams of this process that match; safe to call from any thread and from a signal handler."""
    for registry in list(_registries.values()):
        with contextlib.suppress(RuntimeError):
            registry.loop.call_soon_threadsafe(registry.end, which, reason)


def end_all(*, for_good: bool = False) -> None:
    """
    End every stream of this process; safe to call from any thread and from a signal handler.

    `for_good`: the process is about to stop, so streams that open later end immediately.
    """
    global _stopping
    _stopping |= for_good
    end(_every, "restart")


def force_close_all() -> None:
    """Stop waiting for clients that do not read any more; safe to call from any thread."""
    for registry in list(_registries.values()):
        with contextlib.suppress(RuntimeError):
            registry.loop.call_soon_threadsafe(registry.force_close)


def _announce(connection: OpenConnection) -> None:
    stream_opened.send(sender=type(connection), stream=connection)


def _every(connection: OpenConnection) -> bool:
    return True


def _end_if(connection: OpenConnection, which: Callable[[OpenConnection], bool], reason: str) -> None:
    if which(connection):
        connection.end(reason)


def _look_after(connection: OpenConnection, now: float) -> None:
    if now >= connection.ends_at + LINGER_SECONDS:
        connection.force_close()
    if now >= connection.ends_at:
        connection.end("age")
    else:
        connection.keep_alive(now)


def _force_close(connection: OpenConnection) -> None:
    connection.force_close()


def _each(connections: Iterable[OpenConnection], call: Callable[..., object], *arguments: Any) -> None:
    """Call something for each connection; what it raises ends that connection and reaches no other."""
    for connection in list(connections):
        try:
            call(connection, *arguments)
        except Exception as error:
            logger.warning("%s: a stream raised %r and was ended.", connection.name, error)
            connection.end("failed")
