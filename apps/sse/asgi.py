"""The ASGI application for a project's `asgi.py`."""

import gc
import inspect
from collections.abc import Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections

from . import checks
from .access.crowd import Crowd
from .servers import shutdown
from .servers.asgi import Application, Receive, Send, serve

MAX_IDLE_THREADS = 8


def hand_off(application: Application) -> Application:
    """
    Return Django's ASGI `application` with streams handed off: Django releases the request while one is open.

    All middleware of a request runs in one thread, and so does its view unless that is async. Requests share a few
    threads, whose database connections stay open for `CONN_MAX_AGE` seconds.
    Raises `ImproperlyConfigured` for settings with which streams cannot work.
    """
    checks.refuse_errors()
    if isinstance(application, ASGIHandler):
        # Otherwise Django changes the thread for each middleware that is synchronous.
        application.load_middleware(is_async=False)
        application.get_response_async = sync_to_async(application.get_response)  # type: ignore[method-assign]
    if not gc.get_freeze_count():
        # A full garbage collection stops all streams: leave out what was loaded by now, which stays anyway.
        gc.collect()
        gc.freeze()
    crowd, requests = Crowd(), _with_reused_threads(application)

    # Not a coroutine, which would stay in memory with each stream.
    def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if scope["type"] == "http":
            return serve(requests, crowd, scope, receive, send)
        if scope["type"] == "lifespan":
            # By now the server has installed its own signal handlers.
            shutdown.watch_signals()
        return application(scope, receive, send)

    # Servers see by this that it is not an ASGI 2 application.
    return inspect.markcoroutinefunction(asgi)


def _with_reused_threads(application: Application) -> Application:
    """Return `application` with the synchronous code of requests in threads that are used again."""
    idle: list[Executor] = []
    threads = SyncToAsync.context_to_thread_executor

    async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        # Not its `executor`: that would refuse the queries of a task that a view has started and not awaited.
        async with ThreadSensitiveContext() as context:
            threads[context] = thread = idle.pop() if idle else ThreadPoolExecutor(1, "sse-request")
            try:
                await application(scope, receive, send)
                if len(idle) < MAX_IDLE_THREADS:
                    idle.append(threads.pop(context))
            finally:
                if context in threads:
                    # The context ends the thread. After a cancellation it may be in the middle of a call.
                    thread.submit(connections.close_all)

    return asgi
