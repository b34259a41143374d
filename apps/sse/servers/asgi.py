"""
A request between Django and an ASGI server: Django answers it, then its stream goes on without Django.

The response of a stream starts as any other. At its body `HeldRequest` takes the connection over, so that
Django finishes the request and releases its thread, database connection and temporary file.
"""

import asyncio
import contextlib
import contextvars
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from django.core.exceptions import BadRequest

from ..access.crowd import PLACE_SECONDS, Crowd, is_stream
from ..access.limits import refuse
from ..delivery.hub import get_hub, is_ready
from ..stream import registry
from ..stream.connection import Connection

type Message = dict[str, Any]
type Receive = Callable[[], Coroutine[Any, Any, Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[dict[str, Any], Receive, Send], Coroutine[Any, Any, None]]

SCOPE_KEY = "apps.sse"
# SO_LINGER with 0 seconds: closing the socket discards bytes that the client has not taken.
NO_LINGER = struct.pack("ii", 1, 0)
# Their `send` does not change its message.
SERVERS = {"uvicorn", "gunicorn"}

logger = logging.getLogger("apps.sse")


async def serve(
    application: Application, crowd: Crowd, scope: dict[str, Any], receive: Receive, send: Send
) -> None:
    """Let Django's `application` handle a request, then stream its connection if it is handed off."""
    held = HeldRequest(send, receive)
    if is_stream(scope) and not await held.enter(crowd, scope):
        return
    if (connection := await held.handle(application, scope)) is None:
        return
    streaming = connection.run(_unchanging(send), receive, held.watch_disconnect(), is_closed)
    if getattr(send, "__module__", "").startswith("uvicorn."):
        # uvicorn would keep these bytes as long as the stream. Other servers may log them at its end.
        scope["headers"].clear()
    # Only what the stream needs stays in memory.
    del held, application, crowd, scope, connection
    is_complete = False
    try:
        is_complete = await streaming
    finally:
        if not is_complete:
            # A server's own close would wait for a client that has stopped reading.
            abort(send, receive)
            # Lets the server see the close before this returns, or it would log a missing end.
            await asyncio.sleep(0)
        elif registry.is_stopping and (transport := _transport(send, receive)):
            # Otherwise the client could send its next request to a process that does not answer any more.
            transport.close()


class HeldRequest:
    """
    The `send` and `receive` of one request while Django handles it.

    Each response of a stream adds to `connections`; `handed_off` is that whose body Django has come to.
    """

    def __init__(self, send: Send, receive: Receive) -> None:
        self._send = send
        self._receive = receive
        self._body_is_read = False
        self._watching: asyncio.Task[Message] | None = None
        self._loop = asyncio.get_running_loop()
        self._disconnected: asyncio.Future[Message] = self._loop.create_future()
        self._failure: Exception | None = None
        self.connections: list[Connection] = []
        self.handed_off: Connection | None = None
        # Closed when the response starts or there will be none, or after PLACE_SECONDS.
        self._place = contextlib.ExitStack()

    async def enter(self, crowd: Crowd, scope: dict[str, Any]) -> bool:
        """Wait for a place in the crowd; return False if the client was refused or has disconnected."""
        if seconds := crowd.retry_after(scope):
            await self._refuse(seconds)
            return False
        await crowd.enter()
        if is_closed(self._send):
            crowd.give_up()
            return False
        self._place.callback(crowd.leave)
        self._loop.call_later(PLACE_SECONDS, self._place.close)
        return True

    async def handle(self, application: Application, scope: dict[str, Any]) -> Connection | None:
        """Let Django handle the request; return the connection that was handed off."""
        handed_off = None
        # Not a copy, because the request of a `stream()` would keep it.
        scope[SCOPE_KEY] = self
        try:
            # In a task, so that what Django leaves in its context is freed with the request.
            await asyncio.create_task(application(scope, self.receive, self.send))
            # uvicorn raises for a client that has left only if that client had sent its next request, too.
            if self._failure and not (isinstance(self._failure, OSError) or is_closed(self._send)):
                raise self._failure
            handed_off = self.handed_off
        except BadRequest as error:
            # Django raised it while it read the headers, before it had a request to answer.
            logger.warning("Bad Request: %s", error)
            await self._send({"type": "http.response.start", "status": 400, "headers": []})
            await self._send({"type": "http.response.body"})
        finally:
            del scope[SCOPE_KEY]
            self._place.close()
            if self._watching is not None:
                # It would keep this object as long as the stream.
                self._watching.remove_done_callback(self._on_disconnect)
                if handed_off is None:
                    self._watching.cancel()
            for connection in self.connections:
                # Its response may never have been sent.
                if connection is not handed_off:
                    connection.release()
        return handed_off

    def follow_log(self) -> None:
        """Let the log be followed, so that a revocation ends the stream from now on; called from any thread."""
        if not self.is_log_followed():
            self._loop.call_soon_threadsafe(lambda: get_hub().start_soon())

    def is_log_followed(self) -> bool:
        """Return whether the log is followed and can be read; called from any thread."""
        return is_ready(self._loop)

    async def receive(self) -> Message:
        """Receive for Django: the request's body, then the disconnect."""
        if self._body_is_read:
            self.watch_disconnect().add_done_callback(self._on_disconnect)
            # Django cancels this when its response is sent; the server's `receive` must go on.
            return await asyncio.shield(self._disconnected)
        message = await self._receive()
        self._body_is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send for Django, except the end of a body whose connection is handed off."""
        if self.handed_off is not None:
            return
        self._place.close()
        try:
            await self._send(message)
        except Exception as error:
            # Raised later: Django would close neither its response nor its thread's database connection.
            self._failure = error
            self._on_disconnect()

    def watch_disconnect(self) -> asyncio.Task[Message]:
        """Return the task that waits for the client's disconnect."""
        if self._watching is None:
            # In a context of its own, because it may outlive the request.
            self._watching = self._loop.create_task(self._receive(), context=contextvars.Context())
        return self._watching

    async def _refuse(self, seconds: int) -> None:
        """Respond with 503 and `Retry-After`, without Django."""
        response = refuse(503, "Many clients are connecting.", seconds)
        headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await self._send({"type": "http.response.body", "body": response.content})

    def _on_disconnect(self, watching: object = None) -> None:
        if not self._disconnected.done():
            self._disconnected.set_result({"type": "http.disconnect"})


def _unchanging(send: Send) -> Send:
    """Return a `send` that does not change its message, which is the same for all connections."""
    if getattr(send, "__module__", "").partition(".")[0] in SERVERS:
        return send
    # A middleware around this application may change it.
    return lambda message: send({**message})


def is_closed(send: Send) -> bool:
    """Return whether the client's TCP connection is known to be closed."""
    # Called once a second for each stream, so it looks only where uvicorn has it.
    transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
    return transport is not None and transport.is_closing()


def abort(send: Send, receive: Receive) -> None:
    """Close the TCP connection immediately and discard what the client has not taken, also in the kernel."""
    transport = _transport(send, receive)
    if transport is None or transport.is_closing():
        return
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


def _transport(send: Send, receive: Receive) -> asyncio.WriteTransport | None:
    """Return the transport, or None if the server does not show it (uvicorn and gunicorn do, with HTTP/1.1)."""
    # uvicorn: both are methods of the request. gunicorn: `receive` is one of a receiver that has the protocol.
    protocol = getattr(getattr(receive, "__self__", None), "protocol", None)
    for owner in (getattr(send, "__self__", None), protocol):
        transport = getattr(owner, "transport", None)
        # Those of uvloop are not subclasses of asyncio's.
        if hasattr(transport, "abort"):
            return transport
    return None
