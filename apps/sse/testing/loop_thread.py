"""An event loop in a second thread, for synchronous tests."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any

from asgiref.sync import AsyncToSync


class LoopThread(Executor):
    """
    An event loop in a thread: `run` waits for a coroutine on it.

    Synchronous code of that coroutine, such as queries, runs in the test's thread while it waits in `run`.
    It uses the test's database connection and sees what the test has not committed.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._stop = asyncio.Event()
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        self._loop = started.result()

    def run[Result](self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        future.add_done_callback(lambda _: self._work.put(lambda: None))
        while not future.done():
            self._work.get()()
        return future.result()

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Call a function in the test's thread."""
        future: Future = Future()

        def call() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(*args, **kwargs))
                except BaseException as error:
                    future.set_exception(error)

        self._work.put(call)
        return future

    def close(self) -> None:
        """Cancel the tasks of the loop and end its thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        loop = asyncio.get_running_loop()
        # For code outside of requests, such as a shared producer.
        AsyncToSync.loop_thread_executors[loop] = self  # type: ignore[assignment]
        started.set_result(loop)
        await self._stop.wait()
        del AsyncToSync.loop_thread_executors[loop]
