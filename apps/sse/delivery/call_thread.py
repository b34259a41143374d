"""A thread for synchronous calls that may hang. A thread that hangs is replaced."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from django.db import close_old_connections
from django.db import connections as databases

from ..databases import use_unpooled_connections

MAX_HANGING = 4
# An idle thread closes its database connections after this time.
IDLE_SECONDS = 10.0


class CallThread:
    """
    Runs calls one after the other in a thread, for one event loop.

    If a call takes longer than `seconds`, it and all queued calls fail with `TimeoutError`, and the next call gets
    a new thread. While `MAX_HANGING` threads hang, every call fails immediately. With `unpooled` its database
    connections stay open and are not pooled, so that requests that use up the pool do not delay its calls.
    """

    def __init__(self, name: str, seconds: float, *, unpooled: bool = False) -> None:
        self._name, self._seconds, self._unpooled = name, seconds, unpooled
        self._hanging: list[_Thread] = []
        self._thread: _Thread | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def call(self, function: Callable, *arguments: Any) -> Any:
        """Return what the function returns; raises what it raises, or `TimeoutError`."""
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= MAX_HANGING:
            raise TimeoutError(f"{MAX_HANGING} broker calls are hanging")
        if self._thread is None:
            self._thread = _Thread(self._name, unpooled=self._unpooled)
        answer = self._thread.put(partial(function, *arguments))
        if self._timer is None:
            self._check()
        return await answer

    def close(self) -> None:
        """End the thread after its last call."""
        if self._thread:
            self._thread.end()

    def _check(self) -> None:
        """Replace the thread if its current call takes too long. One timer checks all calls."""
        self._timer = None
        if (thread := self._thread) is None or not thread.answers:
            return
        # Read once, because the thread changes it.
        started_at = thread.started_at
        remaining = self._seconds if started_at is None else started_at + self._seconds - monotonic()
        if remaining > 0:
            self._timer = asyncio.get_running_loop().call_later(remaining, self._check)
        else:
            self._thread = None
            self._hanging.append(thread)
            thread.fail_all(TimeoutError(f"a broker call took longer than {self._seconds:g} s"))


class _Thread(threading.Thread):
    """Runs the calls of its queue. A daemon, so that the process can exit while a call hangs."""

    def __init__(self, name: str, *, unpooled: bool) -> None:
        super().__init__(name=name, daemon=True)
        self._unpooled = unpooled
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[asyncio.Future, Callable[[], Any]] | None] = SimpleQueue()
        # When the current call began; None between two.
        self.started_at: float | None = None
        # Those of the current and the queued calls.
        self.answers: set[asyncio.Future] = set()
        self.start()

    def put(self, function: Callable[[], Any]) -> asyncio.Future:
        answer = self._loop.create_future()
        self.answers.add(answer)
        self._calls.put((answer, function))
        return answer

    def fail_all(self, error: Exception) -> None:
        """Let all calls fail, and end the thread once the current one returns."""
        for answer in list(self.answers):
            self._answer(answer, None, error)
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

    def _next(self) -> "tuple[asyncio.Future, Callable[[], Any]] | None":
        try:
            return self._calls.get(timeout=IDLE_SECONDS)
        except Empty:
            databases.close_all()
            return self._calls.get()

    def _do(self, answer: asyncio.Future, function: Callable[[], Any]) -> None:
        result, error = None, None
        if not answer.done():
            self.started_at = monotonic()
            try:
                try:
                    result = function()
                finally:
                    close_old_connections()
            except BaseException as raised:
                error = raised
            self.started_at = None
        # The loop may be closed: no caller waits then.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._answer, answer, result, error)

    def _answer(self, answer: asyncio.Future, result: Any, error: BaseException | None) -> None:
        self.answers.discard(answer)
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)
            # Retrieved here, because the caller may be gone, and asyncio would report it as never retrieved.
            answer.exception()
