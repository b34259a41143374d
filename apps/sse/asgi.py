"""
The hand-off: Django answers the request, then lets go of it.

`hand_off` wraps Django's ASGI application. A view's response starts as any other; when Django
comes to its body, the wrapper takes the connection over, so that Django finishes the request
and gives back its thread, database connection and temporary file, and only the stream is left.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from . import endings
from .connections import Connection, Gone

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Coroutine[Any, Any, None]]

SCOPE_KEY = "apps.sse"


class Slot:
    """Where a response leaves its connection for the wrapper, while Django handles the request."""

    def __init__(self, send: Send, receive: Receive) -> None:
        self._send = send
        self._receive = receive
        self._encoded = False
        self._client_left = False
        self.connection: Connection | None = None

    def take(self, connection: Connection) -> bool:
        """Take a connection over; refused if a middleware has encoded the response's body."""
        if not self._encoded:
            self.connection = connection
        return not self._encoded

    async def receive(self) -> Message:
        """Receive for Django, noting whether the client has left meanwhile."""
        message = await self._receive()
        self._client_left |= message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """Send for Django, up to the end of a body whose connection was taken over."""
        if message["type"] == "http.response.start":
            self._encoded = any(name.lower() == b"content-encoding" for name, _ in message["headers"])
        if self.connection is None:
            await self._send(message)

    async def stream(self, connection: Connection) -> None:
        """Stream until the connection is over, whichever side ends it."""
        leaving = asyncio.ensure_future(self._end_when_client_leaves(connection))
        try:
            await connection.run(self._write)
        finally:
            leaving.cancel()
        with contextlib.suppress(OSError):
            await self._send({"type": "http.response.body"})

    async def _write(self, data: bytes) -> None:
        if self._client_left:
            raise Gone
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _end_when_client_leaves(self, connection: Connection) -> None:
        while not self._client_left:
            await self.receive()
        connection.end()


def hand_off(application: Application) -> Application:
    """Return Django's ASGI `application` with the streams of `SSEView` handed off."""

    async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await application(scope, receive, send)
        endings.watch_signals()
        slot = Slot(send, receive)
        # In a task of its own, so that what Django leaves in its context is gone with the request.
        await asyncio.create_task(application({**scope, SCOPE_KEY: slot}, slot.receive, slot.send))
        if slot.connection is not None:
            await slot.stream(slot.connection)

    return asgi
