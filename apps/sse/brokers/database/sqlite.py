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
from . import DatabaseBroker, after_commit, connection
from .file import LogFile, watch_writes

# inotify reports a write just before its commit is visible, so the file is polled after it at growing intervals.
MIN_POLL_SECONDS = 0.005
# How late the commit of another process is noticed at most, with inotify and without.
MAX_POLL_SECONDS = 1
MAX_POLL_SECONDS_WITHOUT_INOTIFY = 0.04


class SQLiteBroker(DatabaseBroker):
    """Appends in the caller's transaction; listens by watching the file, which needs no query while it is idle."""

    CHANNELS_SQL = "json_each(%s) AS given"
    TEXT_BYTES = "length(CAST(text AS BLOB))"

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._wakes: set[Callable[[], object]] = set()

    def append(self, event: Event) -> None:
        row = LoggedEvent.of(event)
        row.save(using=connection().alias, force_insert=True)
        after_commit(self._wake_listeners)
        self.trim_if_due(row.number)

    async def listen(self, wake: Callable[[], object]) -> None:
        loop, path, written = asyncio.get_running_loop(), database_path(), asyncio.Event()
        call = functools.partial(loop.call_soon_threadsafe, written.set if path else wake)
        self._wakes.add(call)
        try:
            if path:
                await _poll(path, written, wake)
            else:
                wake()
                await loop.create_future()
        finally:
            self._wakes.discard(call)

    def values_of(self, channels: Collection[str]) -> str:
        return json.dumps([*channels])

    def _wake_listeners(self) -> None:
        for wake in list(self._wakes):
            wake()


def database_path() -> Path | None:
    """Return the path of the default database's file, or None if it is in memory."""
    ours: Any = connections[DEFAULT_DB_ALIAS]
    if ours.is_in_memory_db():
        return None
    name = str(ours.settings_dict["NAME"])
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).absolute()


async def _poll(path: Path, written: asyncio.Event, wake: Callable[[], object]) -> None:
    """Wake whenever the log in the file has changed: checked after each write, and periodically."""
    while True:
        with contextlib.closing(LogFile(path)) as log, watch_writes(path, written.set) as is_watched:
            log.has_changed()
            wake()
            longest = MAX_POLL_SECONDS if is_watched else MAX_POLL_SECONDS_WITHOUT_INOTIFY
            pause: float = MIN_POLL_SECONDS
            while not log.is_replaced():
                if log.has_changed():
                    wake()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await written.wait()
                pause = MIN_POLL_SECONDS if written.is_set() else min(2 * pause, longest)
                written.clear()
