"""The ASGI application for a project's `asgi.py`."""

import asyncio
from typing import Any

from . import checks
from .access.crowd import PLACE_SECONDS, Crowd, is_stream
from .servers import shutdown
from .servers.asgi import Application, HeldRequest, Receive, Send, is_closed


def hand_off(application: Application) -> Application:
    """
    Return Django's ASGI `application` with streams handed off: Django releases the request while one is open.

    Raises `ImproperlyConfigured` for settings with which streams cannot work.
    """
    checks.refuse_errors()
    crowd = Crowd()

    async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            held = HeldRequest(send, receive)
            if is_stream(scope):
                if seconds := crowd.retry_after(scope):
                    return await held.refuse(seconds)
                await crowd.enter()
                held.on_response = crowd.leave
                if is_closed(send):
                    return held.responds()
                asyncio.get_running_loop().call_later(PLACE_SECONDS, held.responds)
            return await held.run(application, scope)
        if scope["type"] == "lifespan":
            # By now the server has installed its own signal handlers.
            shutdown.watch_signals()
        await application(scope, receive, send)

    return asgi
