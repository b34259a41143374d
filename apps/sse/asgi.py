"""The ASGI application for a project's `asgi.py`."""

from typing import Any

from . import checks
from .servers import shutdown
from .servers.asgi import Application, HeldRequest, Receive, Send


def hand_off(application: Application) -> Application:
    """
    Return Django's ASGI `application` with streams handed off: Django releases the request while one is open.

    Raises `ImproperlyConfigured` for settings with which streams cannot work.
    """
    checks.refuse_errors()

    async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            return await HeldRequest(send, receive).run(application, scope)
        if scope["type"] == "lifespan":
            # By now the server has installed its own signal handlers.
            shutdown.watch_signals()
        await application(scope, receive, send)

    return asgi
