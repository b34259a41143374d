"""SQLite: one writes at a time, so numbers are given in the order in which events become visible."""

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import DEFAULT_DB_ALIAS, connections

from ...models import LoggedEvent
from ...wire.events import Event
from . import DatabaseBroker, after_commit, connection
from .file import LogFile, told_of_writes

# A write is told of shortly before its commit is visible, so looks follow it at growing distances.
FIRST_LOOK_SECONDS = 0.005
# The commits of other processes are heard this late at most, with the system's help and without.
LAST_LOOK_SECONDS = 1
UNTOLD_LOOK_SECONDS = 0.04


class SQLiteBroker(DatabaseBroker):
    """Appends in the caller's transaction, and listens with an eye on the file."""

    CHANNELS_SQL = "json_each(%s) AS given"
    TEXT_BYTES = "length(CAST(text AS BLOB))"

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._nudges: set[Callable[[], object]] = set()

    def append(self, event: Event) -> None:
        row = LoggedEvent.of(event)
        row.save(using=connection().alias, force_insert=True)
        after_commit(self._nudge)
        self.trim_if_due(row.number)

    async def listen(self, wake: Callable[[], object]) -> None:
        path = database_path()
        with self._nudged_by_commits() as nudged:
            await (_listen_to_file(path, nudged, wake) if path else _listen_to_memory(nudged, wake))

    def values_of(self, channels: Collection[str]) -> str:
        return json.dumps([*channels])

    def exclusive(self) -> contextlib.nullcontext:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def _nudged_by_commits(self) -> Iterator[asyncio.Event]:
        nudged = asyncio.Event()
        nudge = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, nudged.set)
        self._nudges.add(nudge)
        try:
            yield nudged
        finally:
            self._nudges.discard(nudge)

    def _nudge(self) -> None:
        for nudge in list(self._nudges):
            nudge()


def database_path() -> Path | None:
    """Return where the default database's file is, or None if it is in memory."""
    ours: Any = connections[DEFAULT_DB_ALIAS]
    if ours.is_in_memory_db():
        return None
    name = str(ours.settings_dict["NAME"])
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).absolute()


async def _listen_to_file(path: Path, nudged: asyncio.Event, wake: Callable[[], object]) -> None:
    while True:
        with contextlib.closing(LogFile(path)) as log, told_of_writes(path, nudged.set) as told:
            log.has_changed()
            wake()
            longest = LAST_LOOK_SECONDS if told else UNTOLD_LOOK_SECONDS
            pause: float = FIRST_LOOK_SECONDS
            while not log.is_replaced():
                if log.has_changed():
                    wake()
                pause = FIRST_LOOK_SECONDS if await _came(nudged, pause) else min(2 * pause, longest)


async def _listen_to_memory(nudged: asyncio.Event, wake: Callable[[], object]) -> None:
    wake()
    while await _came(nudged, None):
        wake()


async def _came(nudged: asyncio.Event, seconds: float | None) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await nudged.wait()
    came = nudged.is_set()
    nudged.clear()
    return came
