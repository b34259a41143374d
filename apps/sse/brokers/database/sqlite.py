"""
SQLite: one writes at a time, so numbers are given in the order in which events become visible.

Who listens looks at the change counter of the file, which takes microseconds and never waits.
"""

import asyncio
import contextlib
import functools
import json
import os
import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import DEFAULT_DB_ALIAS, connections

from ...events import Event
from ...models import LoggedEvent
from . import TABLE, DatabaseBroker, after_commit, connection

POLL_SECONDS = 0.04


class SQLiteBroker(DatabaseBroker):
    """Appends in the caller's transaction, and listens with an eye on the file."""

    GIVEN = "json_each(%s) AS given"

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._nudges: set[Callable[[], object]] = set()

    def append(self, event: Event) -> None:
        row = LoggedEvent.of(event)
        row.save(using=connection().alias, force_insert=True)
        after_commit(self._nudge)
        self.trim_if_due(row.number)

    async def listen(self, wake: Callable[[], object]) -> None:
        nudged = asyncio.Event()
        with self._nudging(nudged), Watch(database_file()) as watch:
            wake()
            while True:
                await watch.pause(nudged)
                nudged.clear()
                if watch.finds_another_log():
                    wake()

    def values_of(self, channels: Collection[str]) -> str:
        return json.dumps([*channels])

    def alone(self) -> contextlib.nullcontext:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def _nudging(self, nudged: asyncio.Event):
        nudge = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, nudged.set)
        self._nudges.add(nudge)
        try:
            yield
        finally:
            self._nudges.discard(nudge)

    def _nudge(self) -> None:
        for nudge in list(self._nudges):
            nudge()


class Watch:
    """A look at the end of the log in a database file, or at none if the database is in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._version: object = None
        self._newest: object = None

    def __enter__(self) -> "Watch":
        if self._path:
            self._open(self._path)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._path:
            self._connection.close()

    async def pause(self, nudged: asyncio.Event) -> None:
        """Wait for a nudge, or until it is time for a look."""
        timer = asyncio.get_running_loop().call_later(POLL_SECONDS, nudged.set) if self._path else None
        try:
            await nudged.wait()
        finally:
            if timer:
                timer.cancel()

    def finds_another_log(self) -> bool:
        """
        Say whether the log may have changed since the last look.

        Raises `OSError` if the file is gone, and `sqlite3.Error` if it cannot be read.
        """
        if not self._path:
            return True
        if self._file != _identity(self._path):
            self._connection.close()
            self._open(self._path)
            return True
        with _unless_busy():
            version = self._ask("PRAGMA data_version")
            if version != self._version:
                before, self._newest = self._newest, self._ask(NEWEST)
                self._version = version
                return before != self._newest
        return False

    def _open(self, path: Path) -> None:
        self._file = _identity(path)
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None)
        self._version = self._newest = None

    def _ask(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()


NEWEST = f"SELECT number, tag FROM {TABLE} ORDER BY number DESC LIMIT 1"


def database_file() -> Path | None:
    """Return where the default database is, or None if it is in memory."""
    ours: Any = connections[DEFAULT_DB_ALIAS]
    if ours.is_in_memory_db():
        return None
    name = str(ours.settings_dict["NAME"])
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).absolute()


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _unless_busy():
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise
