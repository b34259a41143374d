"""
The threads in which the streams of a process run synchronous code, such as queries.

asgiref would run it all in one thread and never close that thread's database connection. Here each stream
uses one of `COUNT` threads. A thread's connections are released between events, once no stream is
in the middle of using them.
"""

import contextlib
import itertools
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db.backends.signals import connection_created

from ..databases import release_connections

COUNT = 8


class QueryThread:
    """One thread, started at its first use, and the leases of it that may use a database connection."""

    def __init__(self, executor: Executor | None = None) -> None:
        self.executor = executor or ThreadPoolExecutor(1, thread_name_prefix="sse-stream")
        self.holders: set[QueryThreadLease] = set()

    def release(self, lease: "QueryThreadLease") -> None:
        """Release the connections of this thread unless another lease uses them; runs in this thread."""
        self.holders.discard(lease)
        if not self.holders:
            release_connections()


_threads = itertools.cycle([QueryThread() for _ in range(COUNT)])
# The thread for the streams of this context instead, as in tests.
own_query_thread: "ContextVar[QueryThread | None]" = ContextVar("sse_own_query_thread", default=None)
_current: "ContextVar[QueryThreadLease | None]" = ContextVar("sse_query_thread_lease", default=None)


class QueryThreadLease:
    """A stream's use of its thread: `async with QueryThreadLease() as lease`. Call `release()` between events."""

    __slots__ = ("_context", "_thread", "_token")

    async def __aenter__(self) -> "QueryThreadLease":
        self._thread = own_query_thread.get() or next(_threads)
        self._context = ThreadSensitiveContext(executor=self._thread.executor)
        await self._context.__aenter__()
        self._token = _current.set(self)
        return self

    async def __aexit__(self, *exception: Any) -> None:
        # Not awaited, because that can be cancelled; it runs after a query of the cancelled stream in this thread.
        # When the interpreter exits, threads accept no more work.
        with contextlib.suppress(RuntimeError):
            self._thread.executor.submit(self._thread.release, self)
        _current.reset(self._token)
        await self._context.__aexit__(*exception)

    def hold(self) -> None:
        """Note that this stream may be using a connection of the thread; runs in the thread."""
        self._thread.holders.add(self)

    async def release(self) -> None:
        """Release the thread's connections, if this stream has queried, unless another stream uses them."""
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
