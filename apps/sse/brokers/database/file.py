"""Notices changes of the log in SQLite's file: each check takes microseconds and waits for no lock."""

import asyncio
import contextlib
import ctypes
import functools
import os
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ...wire.events import Event
from . import NEWEST

# IN_MODIFY, IN_CREATE, IN_MOVED_TO from <sys/inotify.h>: a file in the folder was written, created, or replaced.
CHANGES = 0x2 | 0x100 | 0x80
# WALINDEX_LOCK_OFFSET of SQLite. A writer locks this byte of the WAL's index until its commit is visible.
WRITE_LOCK = 120


class LogFile:
    """The log in a database file, read over a separate connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _identity(path)
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None)
        self._newest: list[tuple] = []
        self._index: int | None = None

    def is_replaced(self) -> bool:
        """Return whether the path leads to another file now; raises `OSError` if there is none."""
        return self._file != _identity(self._path)

    def has_writer(self) -> bool:
        """Return whether a transaction is writing or committing; true if that is unknown, as without a WAL."""
        if sys.platform != "linux":
            return True
        import fcntl

        try:
            if self._index is None:
                index = f"{self._path.resolve()}-shm"
                self._index = _opened(index, _identity(index))
            lock = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, WRITE_LOCK, 1, 0)
            return struct.unpack_from("h", fcntl.fcntl(self._index, fcntl.F_OFD_GETLK, lock))[0] != fcntl.F_UNLCK
        except OSError:
            return True

    def newest(self) -> list[Event] | None:
        """Return the newest two events in order, or None if the log is unchanged; raises `sqlite3.Error`."""
        before = self._newest
        try:
            self._newest = self._connection.execute(NEWEST).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                return None
            raise
        return None if before == self._newest else [Event(*row) for row in reversed(self._newest)]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextlib.contextmanager
def watch_writes(path: Path, notify: Callable[[], object]) -> Iterator[bool]:
    """
    Call `notify` on the running loop on each write to the file or another in its folder, until the block ends.

    Yields whether this system can do that: Linux can, up to its limit of inotify watches.
    """
    # SQLite keeps its journal next to the file itself, not next to a link to it.
    watch = _inotify(path.resolve().parent)
    if watch is None:
        yield False
        return

    def drain() -> None:
        os.read(watch, 65536)
        notify()

    loop = asyncio.get_running_loop()
    loop.add_reader(watch, drain)
    try:
        yield True
    finally:
        loop.remove_reader(watch)
        os.close(watch)


def _inotify(folder: Path) -> int | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if watch >= 0 and libc.inotify_add_watch(watch, os.fsencode(folder), CHANGES) < 0:
        os.close(watch)
        watch = -1
    return None if watch < 0 else watch


@functools.cache
def _opened(path: str, identity: tuple[int, int]) -> int:
    """Return a descriptor. It stays open: to close it would release all locks of this process on the file."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _identity(path: Path | str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
