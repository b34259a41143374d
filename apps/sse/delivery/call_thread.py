"""A thread for synchronous calls that may hang. A thread that hangs is replaced."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from django.db import connections as databases

from ..databases import release_connections, use_unpooled_connections

MAX_HANGING = 4
# An idle thread closes its database connections after this time.
IDLE_SECONDS = 10.0


class CallThread:
    """
    Runs calls one after the other in a thread, for one event loop.

    If a call takes longer than `seconds`, it and all queued calls fail with `TimeoutError`, and the next call gets
    a new thread. While `MAX_HANGING` threads hang, every call fails immediately. With `unpooled` its database
    connections are not pooled, so that requests that use up the pool do not delay its calls.
    """

    def __init__(self, name: str, seconds: float, *, unpooled: bool = False) -> None:
        self._name, self._seconds, self._unpooled = name, seconds, unpooled
        self._hanging: list[_Thread] = []
        self._thread: _Thread | None = None

    async def call(self, function: Callable, *arguments: Any) -> Any:
        """Return what the function returns; raises what it raises, or `TimeoutError`."""
        thread = self._running_thread()
        future = thread.put(lambda: function(*arguments))
        while not (await asyncio.wait({future}, timeout=thread.remaining(self._seconds)))[0]:
            if thread.remaining(self._seconds) <= 0:
                self._replace(thread)
        if future.cancelled():
            raise TimeoutError(f"a broker call took longer than {self._seconds:g} s")
        return future.result()

    def close(self) -> None:
        """End the thread after its last call."""
        if self._thread:
            self._thread.end()

    def _running_thread(self) -> "_Thread":
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= MAX_HANGING:
            raise TimeoutError(f"{MAX_HANGING} broker calls are hanging")
        if self._thread is None:
            self._thread = _Thread(self._name, unpooled=self._unpooled)
        return self._thread

    def _replace(self, thread: "_Thread") -> None:
        thread.cancel_all()
        if thread is self._thread:
            self._hanging.append(thread)
            self._thread = None


class _Thread(threading.Thread):
    """Runs the calls of its queue. A daemon, so that the process can exit while a call hangs."""

    def __init__(self, name: str, *, unpooled: bool) -> None:
        super().__init__(name=name, daemon=True)
        self._unpooled = unpooled
        self._calls: SimpleQueue[tuple[Future, Callable[[], Any]] | None] = SimpleQueue()
        self._current: Future | None = None
        self._started_at = 0.0
        self._waiting: set[asyncio.Future] = set()
        self.start()

    def put(self, function: Callable[[], Any]) -> asyncio.Future:
        """Queue a call, and return its future for the running loop."""
        future: Future = Future()
        self._calls.put((future, function))
        waiting = asyncio.wrap_future(future)
        self._waiting.add(waiting)
        waiting.add_done_callback(self._forget)
        return waiting

    def remaining(self, seconds: float) -> float:
        """Return how many of its `seconds` the current call has left."""
        return seconds if self._current is None else self._started_at + seconds - monotonic()

    def cancel_all(self) -> None:
        """Cancel all calls, and end the thread once the current one returns."""
        for future in list(self._waiting):
            future.cancel()
        self.end()

    def end(self) -> None:
        """End after the queued calls."""
        self._calls.put(None)

    def run(self) -> None:
        if self._unpooled:
            use_unpooled_connections()
        while call := self._next():
            self._do(*call)
            del call
        databases.close_all()

    def _next(self) -> "tuple[Future, Callable[[], Any]] | None":
        try:
            return self._calls.get(timeout=IDLE_SECONDS)
        except Empty:
            databases.close_all()
            return self._calls.get()

    def _do(self, future: Future, function: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        self._started_at, self._current = monotonic(), future
        try:
            try:
                result = function()
            finally:
                release_connections()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            self._current = None

    def _forget(self, waiting: asyncio.Future) -> None:
        self._waiting.discard(waiting)
        if not waiting.cancelled():
            # Retrieved here, because the caller may be gone, and asyncio would report it as never retrieved.
            waiting.exception()
