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
from django.db.backends.signals import connection_created

from ..db.connections import release_connections

COUNT = 8


class QueryThread:
    """One thread, started when it is first needed, and the uses of it that may hold a connection."""

    def __init__(self, executor: Executor | None = None) -> None:
        self.executor = executor or ThreadPoolExecutor(1, thread_name_prefix="sse-stream")
        self.holders: set[QueryThreadLease] = set()

    def release(self, lease: "QueryThreadLease") -> None:
        """Close the connections of this thread, in which it is called, unless another lease may need them."""
        self.holders.discard(lease)
        if not self.holders:
            release_connections()


_threads = itertools.cycle([QueryThread() for _ in range(COUNT)])
# The thread of the streams of this context, where it is not to be any of these.
own_query_thread: "ContextVar[QueryThread | None]" = ContextVar("sse_own_query_thread", default=None)
_current: "ContextVar[QueryThreadLease | None]" = ContextVar("sse_use", default=None)


class QueryThreadLease:
    """
    One stream's use of its thread: `async with QueryThreadLease() as lease`.

    Call `give_back()` between events.
    """

    __slots__ = ("_context", "_thread", "_token")

    async def __aenter__(self) -> "QueryThreadLease":
        self._thread = own_query_thread.get() or next(_threads)
        self._context = ThreadSensitiveContext(executor=self._thread.executor)
        await self._context.__aenter__()
        self._token = _current.set(self)
        return self

    async def __aexit__(self, *exception: Any) -> None:
        # Not awaited, since that can be cancelled; it runs after a query that a cancelled stream still has there.
        # When the interpreter exits, threads take no more work.
        with contextlib.suppress(RuntimeError):
            self._thread.executor.submit(self._thread.release, self)
        _current.reset(self._token)
        await self._context.__aexit__(*exception)

    def hold(self) -> None:
        """Note, in the thread, that this stream may be in the middle of using a connection."""
        self._thread.holders.add(self)

    async def give_back(self) -> None:
        """Give the connections of the thread back if this stream has queried and no other may be at it."""
        if self in self._thread.holders:
            await sync_to_async(self._thread.release)(self)


def _note_query(execute, sql, params, many, context):
    if lease := _current.get():
        lease.hold()
    return execute(sql, params, many, context)


def _watch_queries(connection, **kwargs):
    if lease := _current.get():
        lease.hold()
    if _note_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note_query)


connection_created.connect(_watch_queries)
