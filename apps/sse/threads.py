"""
The few threads in which the streams of a process do their synchronous work, queries above all.

Left to asgiref, all of it would wait in one thread, whose database connection nobody closes.
Here a stream has one of a fixed number of threads, and the connections of a thread are given
back when the last stream that has queried in it since has sent its next event.
"""

import contextlib
import itertools
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections as databases
from django.db.backends.signals import connection_created

COUNT = 8


class Lane:
    """One thread, started when it is first needed, and the uses of it that may hold a connection."""

    def __init__(self, executor: Executor | None = None) -> None:
        self.executor = executor or ThreadPoolExecutor(1, thread_name_prefix="sse-stream")
        self.holders: set[Use] = set()

    def release(self, use: "Use") -> None:
        """Close the connections of this thread, in which it is called, unless another use may need them."""
        self.holders.discard(use)
        if not self.holders:
            give_connections_back()


_lanes = itertools.cycle([Lane() for _ in range(COUNT)])
# The thread of the streams of this context, where it is not to be any of these.
own_lane: "ContextVar[Lane | None]" = ContextVar("sse_own_lane", default=None)
_current: "ContextVar[Use | None]" = ContextVar("sse_use", default=None)


class Use:
    """One stream's use of its thread: `async with Use() as use`, and `give_back()` between events."""

    __slots__ = ("_context", "_lane", "_token")

    async def __aenter__(self) -> "Use":
        self._lane = own_lane.get() or next(_lanes)
        self._context = ThreadSensitiveContext(executor=self._lane.executor)
        await self._context.__aenter__()
        self._token = _current.set(self)
        return self

    async def __aexit__(self, *exception: Any) -> None:
        # Not awaited, since that can be cancelled; it runs after a query that a cancelled stream still has there.
        # When the interpreter exits, threads take no more work.
        with contextlib.suppress(RuntimeError):
            self._lane.executor.submit(self._lane.release, self)
        _current.reset(self._token)
        await self._context.__aexit__(*exception)

    def hold(self) -> None:
        """Note, in the thread, that this stream may be in the middle of using a connection."""
        self._lane.holders.add(self)

    async def give_back(self) -> None:
        """Give the connections of the thread back if this stream has queried and no other may be at it."""
        if self in self._lane.holders:
            await sync_to_async(self._lane.release)(self)


def give_connections_back() -> None:
    """Close or return to their pool this thread's database connections, except in the middle of a transaction."""
    for connection in databases.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def leave_pools() -> None:
    """
    Give this thread connections of its own instead of pooled ones.

    They stay open until `databases.close_all()`. Requests that use up a pool do not hold up such a thread.
    """
    for alias in databases:
        own = databases.create_connection(alias)
        options = {name: value for name, value in own.settings_dict["OPTIONS"].items() if name != "pool"}
        if options != own.settings_dict["OPTIONS"]:
            own.settings_dict = {**own.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": None}
            databases[alias] = own


def _note_query(execute, sql, params, many, context):
    if use := _current.get():
        use.hold()
    return execute(sql, params, many, context)


def _watch_queries(connection, **kwargs):
    if use := _current.get():
        use.hold()
    if _note_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note_query)


connection_created.connect(_watch_queries)
