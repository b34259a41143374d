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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..stream.registry import Registry, get_registry

DESCRIPTORS = Path("/dev/fd")
# The kernel resets a connection whose client leaves bytes unacknowledged, or its receive window closed, for this
# long. With a keepalive every 15 seconds a vanished client is noticed within a minute.
UNACKNOWLEDGED_SECONDS = 45

_found: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ListeningSockets]" = weakref.WeakKeyDictionary()


def check(sender: object, **_: Any) -> None:
    """End the streams of the running loop if a listening socket was closed; a receiver of `registry`'s signals."""
    streams = get_registry()
    if streams.loop not in _found:
        _found[streams.loop] = ListeningSockets()
    elif sender is Registry:  # Not at each opening, because it looks at all sockets.
        _found[streams.loop].set_timeouts()
    if _found[streams.loop].closed():
        # Without any, the process is about to stop: streams that open later end, too.
        _found[streams.loop] = ListeningSockets() or _found[streams.loop]
        streams.end_all()


class ListeningSockets:
    """
    The sockets of this process that listen at the moment of creation; none if the system does not list them.

    On Linux each TCP socket among them, and each connection that was accepted from it, gets
    `TCP_USER_TIMEOUT`. Connections that are made later inherit it.
    """

    def __init__(self) -> None:
        self._identities: dict[int, tuple[int, int]] = {}
        self._ports: set[int] = set()
        self._is_complete = not hasattr(socket, "TCP_USER_TIMEOUT")
        _for_each_socket(self._find)
        self.set_timeouts()

    def __len__(self) -> int:
        return len(self._identities)

    def closed(self) -> bool:
        """Return whether one of them has been closed since."""
        return any(_identity(number) != identity for number, identity in self._identities.items())

    def set_timeouts(self) -> None:
        """Set each timeout that is missing. Once none was missing, later calls do nothing."""
        if not self._is_complete:
            self._is_complete = True
            _for_each_socket(self._set_timeout)

    def _find(self, number: int, found: socket.socket) -> None:
        if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and (identity := _identity(number)):
            self._identities[number] = identity
            if _is_tcp(found):
                self._ports.add(found.getsockname()[1])

    def _set_timeout(self, number: int, found: socket.socket) -> None:
        option, milliseconds = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT), int(UNACKNOWLEDGED_SECONDS * 1000)
        is_ours = _is_tcp(found) and found.getsockname()[1] in self._ports
        if is_ours and found.getsockopt(*option) != milliseconds:
            found.setsockopt(*option, milliseconds)
            self._is_complete = False


def _for_each_socket(call: Callable[[int, socket.socket], object]) -> None:
    """Call a function for each socket of this process, with its descriptor and a copy that is then closed."""
    for number in map(int, os.listdir(DESCRIPTORS) if DESCRIPTORS.is_dir() else ()):
        # Sockets only: closing a copy of a file's descriptor releases SQLite's locks on that file.
        if _identity(number):
            # Passed over if another thread has closed it, or if its connection is over.
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as found:
                call(number, found)


def _is_tcp(found: socket.socket) -> bool:
    return found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM


def _identity(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None
