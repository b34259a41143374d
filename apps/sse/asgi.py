"""The ASGI application for a project's `asgi.py`."""

import inspect
from collections.abc import Coroutine
from typing import Any

from . import checks
from .access.crowd import Crowd
from .servers import shutdown
from .servers.asgi import Application, Receive, Send, serve


def hand_off(application: Application) -> Application:
    """
    Return Django's ASGI `application` with streams handed off: Django releases the request while one is open.

    Raises `ImproperlyConfigured` for settings with which streams cannot work.
    """
    checks.refuse_errors()
    crowd = Crowd()

    # Not a coroutine, which would stay in memory with each stream.
    def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if scope["type"] == "http":
            return serve(application, crowd, scope, receive, send)
        if scope["type"] == "lifespan":
            # By now the server has installed its own signal handlers.
            shutdown.watch_signals()
        return application(scope, receive, send)

    # Servers see by this that it is not an ASGI 2 application.
    return inspect.markcoroutinefunction(asgi)
