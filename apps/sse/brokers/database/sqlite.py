"""SQLite has one writer at a time, so numbers are assigned in the order in which events become visible."""

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import DEFAULT_DB_ALIAS, connections

from ...models import LoggedEvent
from ...wire.events import Event
from . import DatabaseBroker, after_commit, insert
from .file import LogFile, watch_writes

# inotify may report a write before its commit is visible: the file is polled at growing intervals until it is.
MIN_POLL_SECONDS = 0.002
# How late the commit of another process is noticed at most, with inotify and without.
MAX_POLL_SECONDS = 1
MAX_POLL_SECONDS_WITHOUT_INOTIFY = 0.04
# A read of more channels walks through the log.
MAX_INDEXED_CHANNELS = 100


class SQLiteBroker(DatabaseBroker):
    """Appends in the caller's transaction; listens by watching the file, which needs no query while it is idle."""

    CHANNELS_SQL = "json_each(%s) AS given"
    TEXT_BYTES = "length(CAST(text AS BLOB))"

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._wakes: set[Callable[[], object]] = set()

    def append(self, event: Event) -> None:
        number = insert(LoggedEvent, event)
        for wake in [*self._wakes]:
            after_commit(wake)
        self.trim_if_due(number)

    async def listen(self, wake: Callable[..., object]) -> None:
        loop, path, poller = asyncio.get_running_loop(), database_path(), _Poller(wake)
        call = functools.partial(loop.call_soon_threadsafe, poller.check if path else wake)
        self._wakes.add(call)
        try:
            while path:
                with contextlib.closing(LogFile(path)) as log, watch_writes(path, poller.check) as is_watched:
                    await poller.run(log, MAX_POLL_SECONDS if is_watched else MAX_POLL_SECONDS_WITHOUT_INOTIFY)
            wake()
            await loop.create_future()
        finally:
            self._wakes.discard(call)

    def channel_is_one_of(self, count: int) -> str:
        # The plus keeps SQLite from using the index of channels, with which each page sorts all that is left.
        return "+" * (count > MAX_INDEXED_CHANNELS) + super().channel_is_one_of(count)

    def values_of(self, channels: Collection[str]) -> str:
        return json.dumps([*channels])


def database_path() -> Path | None:
    """Return the path of the default database's file, or None if it is in memory."""
    ours: Any = connections[DEFAULT_DB_ALIAS]
    if ours.is_in_memory_db():
        return None
    name = str(ours.settings_dict["NAME"])
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).absolute()


class _Poller:
    """Calls `wake` whenever the log in a file has changed. Without tasks: a write costs several checks."""

    def __init__(self, wake: Callable[..., object]) -> None:
        self._wake = wake
        self._replaced: asyncio.Future[None] | None = None

    async def run(self, log: LogFile, max_pause: float) -> None:
        """Return when the file was replaced; raises `OSError` or `sqlite3.Error` if it cannot be read."""
        loop = asyncio.get_running_loop()
        self._log, self._max_pause = log, max_pause
        self._replaced = loop.create_future()
        log.newest()
        self._wake()
        self._next: asyncio.Handle = loop.call_soon(self.check)
        try:
            await self._replaced
        finally:
            self._next.cancel()

    def check(self, pause: float = 0.0) -> None:
        """Check now, and again after a pause that grows while there is a writer."""
        if self._replaced is None or self._replaced.done():
            return
        self._next.cancel()
        try:
            # Read first: what a writer has written until now is visible if there is none.
            has_writer = self._log.has_writer()
            if self._log.is_replaced():
                self._replaced.set_result(None)
            elif (newest := self._log.newest()) is not None:
                self._wake(*newest)
        except Exception as error:
            self._replaced.set_exception(error)
            return
        pause = min(max(3 * pause, MIN_POLL_SECONDS), self._max_pause) if has_writer else self._max_pause
        self._next = self._replaced.get_loop().call_later(pause, self.check, pause)
