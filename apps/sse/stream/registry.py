"""
The open streams of this process: listed, kept alive, and ended.

Each event loop has a registry with one timer for all of its connections.
"""

import asyncio
import contextlib
import contextvars
import logging
import time
import weakref
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any, NamedTuple

from django.dispatch import Signal

from ..stats.metrics import EndReason

logger = logging.getLogger("apps.sse")

TICK_SECONDS = 1.0
# Lost clients that no server reports are looked for in each such tick.
LOST_CLIENTS_TICKS = 5
# Wait this long for a client of an ended stream to take its last bytes.
LINGER_SECONDS = 30.0
CLOSED = "%(stream)s: closed after %(duration)s s, %(events)s events: %(reason)s"
# Pairs of a user and a view in the `summary()`, so that its size is bounded.
MAX_USERS = 1000
# Revocations that an opening stream may have missed. One that may have missed more ends and opens again.
MAX_REVOCATIONS = 1000


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


# A `Connection`, whose module imports this one.
type OpenConnection = Any
type Predicate = Callable[[OpenConnection], bool]


class Revocation(NamedTuple):
    """An order to end all streams that match, given at a Unix time in seconds."""

    at: float
    matches: Predicate
    reason: EndReason


# Sent on its event loop with each `stream` that was opened. An exception of a receiver ends the stream.
stream_opened = Signal()
# Sent about once a second on each event loop with open streams.
ticked = Signal()


class Registry:
    """The open connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.connections: set[OpenConnection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ticks = 0

    def add(self, connection: OpenConnection) -> None:
        """Add a connection, and end it if a revocation since its request started matches."""
        self.connections.add(connection)
        logger.info("%s: stream opened", connection.name, extra={"stream": connection.name})
        # In a context of its own, because it outlives the request of the first connection.
        self._timer = self._timer or self.loop.call_later(TICK_SECONDS, self._tick, context=contextvars.Context())
        _for_each([connection], self._open)

    def discard(self, connection: OpenConnection) -> None:
        """Remove a connection and log how it ended."""
        self.connections.discard(connection)
        reason = connection.end_reason or "left"
        # Not a line for each when the process stops: thousands would delay its end.
        level = logging.DEBUG if reason == "restart" else logging.INFO
        if logger.isEnabledFor(level):
            seconds, events = round(time.time() - connection.opened_at, 3), connection.events
            fields = {"stream": connection.name, "duration": seconds, "events": events, "reason": reason}
            logger.log(level, CLOSED, fields, extra=fields)

    def end(self, matches: Predicate, reason: EndReason) -> None:
        """End the connections that match."""
        _for_each(self.connections, lambda connection: matches(connection) and connection.end(reason))

    def end_all(self) -> None:
        """End every connection, because the process stops, and log their number."""
        if number := sum(not connection.is_ended for connection in self.connections):
            logger.info("%d streams end: restart", number, extra={"streams": number, "reason": "restart"})
        self.end(lambda connection: True, "restart")

    def revoke(self, matches: Predicate, reason: EndReason) -> None:
        """End the connections that match, and those that requests which have started will open."""
        _revocations.append(Revocation(time.time(), matches, reason))
        self.end(matches, reason)

    def _open(self, connection: OpenConnection) -> None:
        stream_opened.send(sender=type(connection), stream=connection)
        if is_stopping:
            connection.end("restart")
        missed = [*takewhile(lambda revocation: revocation.at >= connection.opened_at, reversed([*_revocations]))]
        for revocation in missed:
            if revocation.matches(connection) or len(missed) == MAX_REVOCATIONS:
                connection.end(revocation.reason)

    def _tick(self) -> None:
        # First, so that no exception below stops the timer.
        self._timer = self.loop.call_later(TICK_SECONDS, self._tick) if self.connections else None
        self._ticks += 1
        _for_each(self.connections, _maintain, time.monotonic(), self._ticks % LOST_CLIENTS_TICKS == 0)
        ticked.send(sender=Registry)


_registries: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Registry]" = weakref.WeakKeyDictionary()
_revocations: deque[Revocation] = deque(maxlen=MAX_REVOCATIONS)
is_stopping = False


def get_registry() -> Registry:
    """Return the registry of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _registries:
        _registries[loop] = Registry(loop)
    return _registries[loop]


def all_open() -> list[OpenConnection]:
    """Return the open connections of this process."""
    return [c for registry in list(_registries.values()) for c in list(registry.connections)]


def open_streams() -> int:
    """Return the number of open streams of this process."""
    return sum(len(registry.connections) for registry in list(_registries.values()))


def end(matches: Predicate, reason: EndReason) -> None:
    """End the streams of this process that match; safe to call from any thread and from a signal handler."""
    _call_each(lambda registry: registry.end(matches, reason))


def end_all(*, stopping: bool = False) -> None:
    """
    End every stream of this process; safe to call from any thread and from a signal handler.

    `stopping`: the process is about to stop, so streams that open later end immediately.
    """
    global is_stopping
    is_stopping |= stopping
    _call_each(Registry.end_all)


def force_close_all() -> None:
    """Close the ended streams whose clients do not read; safe to call from any thread."""
    _call_each(lambda registry: _for_each(registry.connections, lambda connection: connection.force_close()))


def _call_each(call: Callable[[Registry], object]) -> None:
    for registry in list(_registries.values()):
        # A loop that was closed has no streams.
        with contextlib.suppress(RuntimeError):
            registry.loop.call_soon_threadsafe(call, registry)


def summary() -> dict[str, Any]:
    """
    Return the open streams of this process, by view and by user.

    `users` has for each view the number of streams of each user, by primary key as text: of the
    `MAX_USERS` pairs with the most streams. `signed_in` counts the streams of all users, `online` the users.
    """
    views: Counter[str] = Counter()
    users: Counter[tuple[str, str]] = Counter()
    for connection in all_open():
        views[connection.name] += 1
        if connection.client.user_pk is not None:
            users[connection.name, str(connection.client.user_pk)] += 1
    shown: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (view, pk), number in users.most_common(MAX_USERS):
        shown[view][pk] = number
    online = len({pk for _, pk in users})
    return {"views": dict(views), "users": shown, "signed_in": users.total(), "online": online}


def _maintain(connection: OpenConnection, now: float, may_be_lost: bool) -> None:
    if now >= connection.ends_at + LINGER_SECONDS:
        connection.force_close()
    if now >= connection.ends_at:
        connection.end("age")
    else:
        connection.keep_alive(now, may_be_lost)


def _for_each(connections: Iterable[OpenConnection], call: Callable[..., object], *arguments: Any) -> None:
    """Call a function for each connection; an exception ends that connection only."""
    for connection in list(connections):
        try:
            call(connection, *arguments)
        except Exception as error:
            logger.warning("%s: a stream raised %r and was ended.", connection.name, error)
            connection.end("failed")
