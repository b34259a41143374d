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
from functools import partial
from typing import Any

from django.core.exceptions import BadRequest

from ..stream.connection import Connection

type Message = dict[str, Any]
type Receive = Callable[[], Coroutine[Any, Any, Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[dict[str, Any], Receive, Send], Coroutine[Any, Any, None]]

SCOPE_KEY = "apps.sse"
# SO_LINGER with 0 seconds: closing the socket discards bytes that the client has not taken.
BUSY = b"Many clients are connecting. Try again later.\n"
NO_LINGER = struct.pack("ii", 1, 0)
# Their `send` does not change its message.
SERVERS = {"uvicorn", "gunicorn"}

logger = logging.getLogger("apps.sse")


class HeldRequest:
    """
    The `send` and `receive` of one request while Django handles it.

    Each response of a stream adds to `connections`; `handed_off` is that whose body Django has come to.
    `on_response` is called once, when the response starts or there will be none.
    """

    def __init__(self, send: Send, receive: Receive) -> None:
        self._send = send
        self._receive = receive
        self._body_is_read = False
        self._receiving: asyncio.Task[Message] | None = None
        self._disconnected: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._failure: Exception | None = None
        self.connections: list[Connection] = []
        self.handed_off: Connection | None = None
        self.on_response: Callable[[], object] = bool

    async def run(self, application: Application, scope: dict[str, Any]) -> None:
        """Let Django's `application` handle the request, then stream its connection if it is handed off."""
        # In a task, so that what Django leaves in its context is freed with the request.
        try:
            await asyncio.create_task(application({**scope, SCOPE_KEY: self}, self.receive, self.send))
        except BadRequest as error:
            # Django raised it while it read the headers, before it had a request to answer.
            logger.warning("Bad Request: %s", error)
            await self._send({"type": "http.response.start", "status": 400, "headers": []})
            await self._send({"type": "http.response.body"})
        else:
            if self.handed_off is not None:
                await self._stream(self.handed_off)
            self._raise_failure()
        finally:
            self._close()

    async def receive(self) -> Message:
        """Receive for Django: the request's body, then the disconnect."""
        if self._body_is_read:
            # Django cancels this when its response is sent; the server's `receive` must go on.
            return await asyncio.shield(self._watch_disconnect())
        message = await self._receive()
        self._body_is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send for Django, except the end of a body whose connection is handed off."""
        if self.handed_off is not None:
            return
        self.responds()
        try:
            await self._send(message)
        except Exception as error:
            # Raised later: Django would close neither its response nor its thread's database connection.
            self._failure = error
            self._on_disconnect()

    async def refuse(self, seconds: int) -> None:
        """Respond with 503 and `Retry-After`, without Django."""
        headers = [
            (b"content-type", b"text/plain"),
            (b"content-length", b"%d" % len(BUSY)),
            (b"cache-control", b"no-store"),
            (b"retry-after", b"%d" % seconds),
        ]
        await self._send({"type": "http.response.start", "status": 503, "headers": headers})
        await self._send({"type": "http.response.body", "body": BUSY})

    def responds(self) -> None:
        """Call `on_response`, unless it was called."""
        on_response, self.on_response = self.on_response, bool
        on_response()

    async def _stream(self, connection: Connection) -> None:
        self._watch_disconnect().add_done_callback(lambda _: connection.on_disconnect())
        is_complete = False
        try:
            is_complete = await connection.run(_unchanging(self._send), partial(is_closed, self._send))
        finally:
            if not is_complete:
                # A server's own close would wait for a client that has stopped reading.
                abort(self._send, self._receive)
                # Lets the server see the close before this returns, or it would log a missing end.
                await asyncio.sleep(0)

    def _watch_disconnect(self) -> "asyncio.Future[Message]":
        if self._receiving is None:
            loop = asyncio.get_running_loop()
            self._receiving = loop.create_task(self._receive(), context=contextvars.Context())
            self._receiving.add_done_callback(lambda _: self._on_disconnect())
        return self._disconnected

    def _on_disconnect(self) -> None:
        if not self._disconnected.done():
            self._disconnected.set_result({"type": "http.disconnect"})

    def _raise_failure(self) -> None:
        """Raise what the server's `send` raised, unless the client has disconnected."""
        # uvicorn raises for a client that has left only if that client had sent its next request, too.
        if self._failure and not (isinstance(self._failure, OSError) or is_closed(self._send)):
            raise self._failure

    def _close(self) -> None:
        self.responds()
        if self._receiving is not None:
            self._receiving.cancel()
        for connection in self.connections:
            # Its response may never have been sent.
            connection.release()


def _unchanging(send: Send) -> Send:
    """Return a `send` that does not change its message, which is the same for all connections."""
    if getattr(send, "__module__", "").partition(".")[0] in SERVERS:
        return send
    # A middleware around this application may change it.
    return lambda message: send({**message})


def is_closed(send: Send) -> bool:
    """Return whether the client's TCP connection is known to be closed."""
    transport = _transport(send)
    return transport is not None and transport.is_closing()


def abort(send: Send, receive: Receive) -> None:
    """Close the TCP connection immediately and discard what the client has not taken, also in the kernel."""
    transport = _transport(send, receive)
    if transport is None or transport.is_closing():
        return
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


def _transport(send: Send, receive: Receive | None = None) -> asyncio.WriteTransport | None:
    """Return the transport, or None if the server does not show it (uvicorn and gunicorn do, with HTTP/1.1)."""
    # uvicorn: both are methods of the request. gunicorn: `receive` is one of a receiver that has the protocol.
    protocol = getattr(getattr(receive, "__self__", None), "protocol", None)
    for owner in (getattr(send, "__self__", None), protocol):
        transport = getattr(owner, "transport", None)
        # Those of uvloop are not subclasses of asyncio's.
        if hasattr(transport, "abort"):
            return transport
    return None
