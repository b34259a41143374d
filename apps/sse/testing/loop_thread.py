"""An event loop beside a synchronous test, whose queries are the test's own."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from asgiref.sync import AsyncToSync


class LoopThread(Executor):
    """
    A loop in a thread of its own: `run` waits for a coroutine there.

    Synchronous code that the loop asks for, queries above all, runs in the thread of the test while
    that waits in `run`: so it uses the test's database connection and sees what the test has not
    committed.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sse-testing", daemon=True)
        self._thread.start()
        self._is_ready.wait()

    def run[Result](self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Return what the coroutine returns, or raise what it raises."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        future.add_done_callback(lambda _: self._work.put(_nothing))
        while not future.done():
            self._work.get()()
        return future.result()

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Let the test's thread call a function."""
        future: Future = Future()
        self._work.put(partial(_call, future, function, args, kwargs))
        return future

    def close(self) -> None:
        """End everything that the loop still does."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            # For what runs outside of any request, such as a shared producer.
            AsyncToSync.loop_thread_executors[self._loop] = self  # type: ignore[assignment]
            self._stop = asyncio.Event()
            runner.run(self._wait())

    async def _wait(self) -> None:
        try:
            self._is_ready.set()
            await self._stop.wait()
        finally:
            del AsyncToSync.loop_thread_executors[self._loop]


def _nothing() -> None:
    pass


def _call(future: Future, function: Callable, args: tuple, kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
