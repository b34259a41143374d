"""
The hand-off: Django answers the request, then lets go of it.

`hand_off` wraps Django's ASGI application. A view's response starts as any other; when Django
comes to its body, the wrapper takes the connection over, so that Django finishes the request
and gives back its thread, database connection and temporary file, and only the stream is left.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from django.core.exceptions import BadRequest

from . import checks
from .delivery.hub import get_hub
from .servers import shutdown
from .stream import transports
from .stream.connection import Connection

Message = dict[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Coroutine[Any, Any, None]]

SCOPE_KEY = "apps.sse"

logger = logging.getLogger("apps.sse")


class Slot:
    """
    Where a response leaves its connection for the wrapper, while Django handles the request.

    Each stream's response has `offered` its connection; `connection` is one that the wrapper is to take over.
    """

    def __init__(self, send: Send, receive: Receive) -> None:
        self._send = send
        self._receive = receive
        self._body_is_read = False
        self._receiving: asyncio.Task[Message] | None = None
        self._leaving: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._failure: Exception | None = None
        self.offered: Connection | None = None
        self.connection: Connection | None = None

    async def receive(self) -> Message:
        """Receive for Django: the request's body, and then that the client has left."""
        if self._body_is_read:
            # Django stops listening when its response is sent; the server is not to hear of that.
            return await asyncio.shield(self.leaving())
        message = await self._receive()
        self._body_is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send for Django, up to the end of a body whose connection was taken over."""
        if self.connection is not None:
            return
        try:
            await self._send(message)
        except Exception as error:
            # Raised later: Django would neither close its response nor its thread's database connection.
            self._failure = error
            self._leave()

    def leaving(self) -> "asyncio.Future[Message]":
        """Return the future that is done when the client has left."""
        if self._receiving is None:
            loop = asyncio.get_running_loop()
            self._receiving = loop.create_task(self._receive(), context=contextvars.Context())
            self._receiving.add_done_callback(lambda _: self._leave())
        return self._leaving

    def raise_failure(self) -> None:
        """Raise what `send` raised, unless the reason was that the client had left."""
        # uvicorn raises for a client that has left only if that client had sent its next request, too.
        is_gone = isinstance(self._failure, OSError) or transports.is_closed(self._send)
        if self._failure is not None and not is_gone:
            raise self._failure

    async def stream(self, connection: Connection) -> None:
        """Stream until the connection is over, whichever side ends it."""
        self.leaving().add_done_callback(lambda _: connection.leave())
        is_complete = False
        try:
            is_complete = await connection.run(self._send)
        finally:
            if not is_complete:
                # A server's own close would wait for a client that has stopped reading.
                transports.abort(self._send, self._receive)
                # Lets the server see the close before this returns, or it would log a missing end.
                await asyncio.sleep(0)

    def close(self) -> None:
        """Stop listening to the client, and free the seat of a response whose body was never sent."""
        if self._receiving is not None:
            self._receiving.cancel()
        if self.offered is not None:
            self.offered.uncount()

    def _leave(self) -> None:
        if not self._leaving.done():
            self._leaving.set_result({"type": "http.disconnect"})


def hand_off(application: Application) -> Application:
    """
    Return Django's ASGI `application` with streams handed off: Django releases the request while one is open.

    Raises `ImproperlyConfigured` for settings with which streams cannot work.
    """
    checks.refuse_errors()

    async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await application(scope, receive, send)
        shutdown.watch_signals()
        # Before the request is handled, so that what ends its stream is heard while it opens.
        get_hub().start_soon()
        slot = Slot(send, receive)
        # In a task of its own, so that what Django leaves in its context is gone with the request.
        try:
            await asyncio.create_task(application({**scope, SCOPE_KEY: slot}, slot.receive, slot.send))
        except BadRequest as error:
            # Raised while Django reads the headers, before it has a request that it could answer.
            logger.warning("Bad Request: %s", error)
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body"})
        else:
            if slot.connection is not None:
                await slot.stream(slot.connection)
            slot.raise_failure()
        finally:
            slot.close()

    return asgi
