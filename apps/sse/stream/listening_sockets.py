"""
The sockets on which this process waits for clients.

A server that is about to stop, or to replace a worker that has served its number of requests, closes its
listening sockets and then waits for open responses. That is how this process notices.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path

DESCRIPTORS = Path("/dev/fd")
# How long a client may leave bytes unacknowledged, or its receive window closed, before the kernel resets its
# connection. With a keepalive every 15 seconds a client that has vanished is noticed within a minute.
UNACKNOWLEDGED_SECONDS = 45


class Listeners:
    """
    The sockets of this process that listen at the moment of creation; none where that cannot be found out.

    On Linux each TCP socket among them, and each connection that was accepted from it, gets
    `TCP_USER_TIMEOUT`. Connections that are accepted later inherit it.
    """

    def __init__(self) -> None:
        names = os.listdir(DESCRIPTORS) if DESCRIPTORS.is_dir() else []
        sockets = {int(name): identity for name in names if (identity := _identity(int(name)))}
        self._identities = {number: identity for number, identity in sockets.items() if _listens(number)}
        _bound_silence(sockets, self._identities)

    def closed(self) -> bool:
        """Return whether one of them has been closed since."""
        return any(_identity(number) != identity for number, identity in self._identities.items())


def _listens(number: int) -> bool:
    with contextlib.suppress(OSError), _duplicate(number) as found:
        return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return False


def _bound_silence(sockets: Iterable[int], listening: Iterable[int]) -> None:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    ports = {_port(number) for number in listening} - {None}
    for number in sockets:
        if _port(number) in ports:
            with contextlib.suppress(OSError), _duplicate(number) as found:
                milliseconds = int(UNACKNOWLEDGED_SECONDS * 1000)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _port(number: int) -> int | None:
    """Return the local port of a TCP socket, None for other sockets."""
    with contextlib.suppress(OSError), _duplicate(number) as found:
        if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
            return found.getsockname()[1]
    return None


def _duplicate(number: int) -> socket.socket:
    # Raises OSError if another thread has closed the socket; so do calls to one whose connection is over.
    copy = os.dup(number)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _identity(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None
