"""What is under an ASGI server's `send` and `receive`: the transport of the client's connection."""

import asyncio
import contextlib
import socket
import struct
from typing import Any

# On, with 0 seconds: closing discards what the client has not taken.
NO_LINGER = struct.pack("ii", 1, 0)


def transport_of(send: Any, receive: Any = None) -> asyncio.WriteTransport | None:
    """Return the transport, or None if the server does not show it (uvicorn and gunicorn do, with HTTP/1.1)."""
    # uvicorn: both are methods of the request. gunicorn: `receive` is one of a receiver that has the protocol.
    protocol = getattr(getattr(receive, "__self__", None), "protocol", None)
    for owner in (getattr(send, "__self__", None), protocol):
        transport = getattr(owner, "transport", None)
        # Those of uvloop are not subclasses of asyncio's.
        if hasattr(transport, "abort"):
            return transport
    return None


def is_closed(send: Any) -> bool:
    """Return whether the connection is known to be closed."""
    transport = transport_of(send)
    return transport is not None and transport.is_closing()


def abort(send: Any, receive: Any) -> None:
    """Close the connection at once and discard what the client has not taken, in the kernel, too."""
    transport = transport_of(send, receive)
    if transport is None or transport.is_closing():
        return
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()
