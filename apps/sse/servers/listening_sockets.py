"""
The sockets on which this process accepts connections.

A server that replaces a worker after a number of requests sends no signal: it closes its listening
sockets and waits for open responses. A closed listening socket therefore ends all streams. The
project's own worker class (`apps.operations.gunicorn_worker`) ends them itself.
"""

import asyncio
import contextlib
import os
import socket
import stat
import weakref
from pathlib import Path
from typing import Any

from ..stream.registry import get_registry

DESCRIPTORS = Path("/dev/fd")
# The kernel resets a connection whose client leaves bytes unacknowledged, or its receive window closed, for this
# long. With a keepalive every 15 seconds a vanished client is noticed within a minute.
UNACKNOWLEDGED_SECONDS = 45

_found: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ListeningSockets]" = weakref.WeakKeyDictionary()


def check(**_: Any) -> None:
    """End the streams of the running loop if a listening socket was closed; a receiver of `registry`'s signals."""
    streams = get_registry()
    if streams.loop not in _found:
        _found[streams.loop] = ListeningSockets()
    if _found[streams.loop].closed():
        # Without any, the process is about to stop: streams that open later end, too.
        _found[streams.loop] = ListeningSockets() or _found[streams.loop]
        streams.end(lambda _: True, "restart")


class ListeningSockets:
    """
    The sockets of this process that listen at the moment of creation; none if the system does not list them.

    On Linux each TCP socket among them, and each connection that was accepted from it, gets
    `TCP_USER_TIMEOUT`. Connections that are accepted later inherit it.
    """

    def __init__(self) -> None:
        self._identities: dict[int, tuple[int, int]] = {}
        ports: dict[int, int | None] = {}
        for number in map(int, os.listdir(DESCRIPTORS) if DESCRIPTORS.is_dir() else ()):
            # Sockets only: closing a copy of a file's descriptor releases SQLite's locks on that file.
            if identity := _identity(number):
                with contextlib.suppress(OSError), _duplicate(number) as found:
                    ports[number] = _tcp_port(found)
                    if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        self._identities[number] = identity
        listening = {ports[number] for number in self._identities} - {None}
        for number, port in ports.items():
            if port in listening and hasattr(socket, "TCP_USER_TIMEOUT"):
                with contextlib.suppress(OSError), _duplicate(number) as found:
                    milliseconds = int(UNACKNOWLEDGED_SECONDS * 1000)
                    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def __len__(self) -> int:
        return len(self._identities)

    def closed(self) -> bool:
        """Return whether one of them has been closed since."""
        return any(_identity(number) != identity for number, identity in self._identities.items())


def _tcp_port(found: socket.socket) -> int | None:
    is_tcp = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
    return found.getsockname()[1] if is_tcp else None


def _duplicate(number: int) -> socket.socket:
    # Raises OSError if another thread has closed the socket; so do calls to one whose connection is over.
    return socket.socket(fileno=os.dup(number))


def _identity(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None
