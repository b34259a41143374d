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

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
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


class QueryThreadLease(ThreadSensitiveContext):
    """A stream's use of its thread: `async with QueryThreadLease() as lease`. Call `release()` between events."""

    def __init__(self) -> None:
        self.thread = own_query_thread.get() or next(_threads)
        super().__init__(executor=self.thread.executor)

    async def __aexit__(self, *exception: Any) -> None:
        # Not awaited, because that can be cancelled; it runs after a query of the cancelled stream in this thread.
        # When the interpreter exits, threads accept no more work.
        with contextlib.suppress(RuntimeError):
            self.thread.executor.submit(self.thread.release, self)
        await super().__aexit__(*exception)

    async def release(self) -> None:
        """Release the thread's connections, if this stream has queried, unless another stream uses them."""
        if self in self.thread.holders:
            await sync_to_async(self.thread.release)(self)


def _hold_lease() -> None:
    """Note that this stream may be using a connection of its thread; runs in the thread."""
    # Outside a stream it is a request's context.
    if isinstance(lease := SyncToAsync.thread_sensitive_context.get(None), QueryThreadLease):
        lease.thread.holders.add(lease)


def _note_query(execute, sql, params, many, context):
    _hold_lease()
    return execute(sql, params, many, context)


def _watch_queries(connection, **kwargs):
    _hold_lease()
    if _note_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note_query)


connection_created.connect(_watch_queries)
