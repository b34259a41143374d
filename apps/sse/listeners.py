"""
The sockets on which this process waits for clients.

A server that is about to stop, or to replace a worker that has served its number of requests,
listens no more, and waits for open responses without a word. That is how it is noticed.
"""

import os
import socket
import stat
from pathlib import Path

DESCRIPTORS = Path("/dev/fd")


class Listeners:
    """The listening sockets that there are at the moment of creation; none where that cannot be told."""

    def __init__(self) -> None:
        names = os.listdir(DESCRIPTORS) if DESCRIPTORS.is_dir() else []
        found = {int(name): _listening(int(name)) for name in names}
        self._identities = {number: identity for number, identity in found.items() if identity}

    def closed(self) -> bool:
        """Say whether one of them has been closed since."""
        return any(_identity(number) != identity for number, identity in self._identities.items())


def _listening(number: int) -> tuple[int, int] | None:
    identity = _identity(number)
    if identity is None:
        return None
    with socket.socket(fileno=os.dup(number)) as duplicate:
        listens = duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return identity if listens else None


def _identity(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None
