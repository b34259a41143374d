"""
`redis://…`: the log is a stream of a Redis or Valkey server, of version 7 or later.

The address is as redis-py takes it, `rediss://` and `unix://` included. With `?prefix=name`
several deployments share a server's database. What survives a restart of the server is what it
has written to its disk, and it must not evict the log's keys when its memory is full.
"""

import functools
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from redis.exceptions import ConnectionError, OutOfMemoryError, RedisError

from ...conf import setting
from ...wire.events import Event, Position
from .. import outbox
from ..base import EVENT_BYTES, Broker, Gap
from ..database import after_commit
from .address import Address
from .outage import Outage

# Whom the server tells nothing for so long asks it, and gives it up after the same time again.
SILENCE_SECONDS = 10.0
# An event that is not durable and has waited for so long is not worth sending any more.
STALE_SECONDS = 30.0

AT_ONCE = 100
PAGE = 250
# What another process has left in the outbox is noticed after this time at most.
LOOK_SECONDS = 0.02
TRIM_EVERY = 100
# An event that is sent again, since nobody knows whether it arrived, is recognised among this many newer ones.
REMEMBERED = 50_000

SCRIPT = Path(__file__).with_name("log.lua")


class _Unreachable(Exception):
    """The server takes no events."""


class _ReadTooLongAgo(Exception):
    """Events were read from the outbox so long ago that another process may have sent them, unknown by now."""


class RedisBroker(Broker):
    """
    Appends straight to the stream, or, in a transaction, by way of the outbox.

    The stream numbers its entries itself. An event that is sent twice is there once, so a process
    that does not know whether it arrived sends it again. While the server is out of reach, durable
    events wait in the outbox, in their order, and others are lost.

    A durable event goes behind those that wait. Only the database knows what another process has
    left, so the outbox is read before an event goes straight to the stream, unless it was empty
    within the last `LOOK_SECONDS`. A process that leaves events there waits for that time.
    """

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._address = Address(url)
        self._client = self._address.client()
        self._script = self._client.register_script(SCRIPT.read_text())
        # Braces, as servers that are sharded want them for keys that are used together.
        names = ("log", "latest", "seen", "marks", "size", "grown")
        *self._keys, grown = ["{" + self._address.prefix + "}:" + name for name in names]
        self._log = self._keys[0]
        # All databases of a server share these names.
        self._grown = f"{grown}:{self._address.database}"
        self._outage = Outage()
        self._batches = outbox.Batches()
        # How often this process has left events in the outbox.
        self._left = 0
        # Until when the outbox counts as empty, unless this process has left events since.
        self._empty_until = 0.0, 0
        # The newest number of the log that this process knows.
        self._newest_number = 0

    def append(self, event: Event) -> None:
        if outbox.in_transaction():
            self._append_at_commit(event)
        elif not event.durable:
            self._send(event)
        elif not (self._is_outbox_empty() and self._put([event])):
            outbox.put(event)
            self._note_left()

    def read(self, after: Position, limit: int, channels: Collection[str] | None = None) -> list[Event]:
        if channels is None:
            return self._following(after, limit)
        found, goes_on = list[Event](), True
        while goes_on and len(found) < limit:
            page = self._run("look", f"0-{after.number}", PAGE, limit - len(found), *{*channels})
            first, some, last = map(_of_script, page)
            _check_place(first, after)
            found += some
            if goes_on := bool(last):
                after = last[0].position
        return found

    def tail(self, limit: int) -> list[Event]:
        newest = self._newest(limit)
        if not newest:
            mark = Event(channel="", name="mark", text="")
            self._run("begin", mark.tag, mark.sent_at)
            newest = self._newest(limit)
        return newest

    def latest(self, channels: Collection[str]) -> list[Event]:
        found = self._run("latest_of", *{*channels}) if channels else []
        return sorted(_of_script(found), key=lambda event: event.number)

    async def listen(self, wake: Callable[[], object]) -> None:
        async with self._address.async_client() as client, client.pubsub() as heard:
            await heard.subscribe(self._grown)
            asked = False
            while True:
                message = await heard.get_message(timeout=SILENCE_SECONDS)
                if message is not None:
                    asked = False
                    if message["type"] in {"subscribe", "message"}:
                        wake()
                elif asked:
                    raise ConnectionError(f"Redis did not respond for {2 * SILENCE_SECONDS:g} seconds")
                else:
                    asked = True
                    await heard.ping()

    def trim(self) -> int:
        return self._run("trim", *_retention())

    def maintain(self) -> None:
        if self._relay(sparingly=False):
            # Finds out, besides, if the server does not take events any more, as after a failover.
            self.trim()

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    def _append_at_commit(self, event: Event) -> None:
        if event.durable or not outbox.has_hooks():
            batch = self._batches.add(outbox.put(event))
            # Each event leaves a hook, since the savepoint of another may be rolled back.
            after_commit(functools.partial(self._relay_batch, batch))
        else:
            self._batches.newest.is_closed = True
            after_commit(functools.partial(self._send, event))

    def _send(self, event: Event) -> None:
        """Put an event that is not durable into the log, or lose it."""
        if not self._put([event]):
            self._outage.lose()

    def _relay_batch(self, batch: outbox.Batch) -> None:
        if batch.is_due:
            batch.is_due = False
            self._relay(upto=batch.last)

    def _is_outbox_empty(self) -> bool:
        """Return whether nothing waits any more, after relaying what does."""
        until, left = self._empty_until
        if not self._batches.newest.is_due and left == self._left and time.monotonic() < until:
            return True
        if self._outage.is_fresh:
            return False
        self._batches.newest.is_due = False
        return self._relay()

    def _relay(self, *, upto: int | None = None, sparingly: bool = True) -> bool:
        """Put what waits into the log, in its order; return whether nothing had to be left."""
        began = time.monotonic(), self._left
        try:
            while rows := self._relay_some(upto, sparingly):
                if len(rows) < AT_ONCE:
                    break
        except Exception as error:
            self._note_left()
            if isinstance(error, _Unreachable):
                return False
            raise
        if upto is None:
            self._empty_until = began[0] + LOOK_SECONDS, began[1]
        return True

    def _note_left(self) -> None:
        self._left += 1
        # Until every other process reads the outbox again.
        time.sleep(LOOK_SECONDS)

    def _relay_some(self, upto: int | None, sparingly: bool) -> Collection[int]:
        """Relay the oldest of those that wait, and return their keys; raises `_Unreachable`."""
        while True:
            known = self._newest_number
            rows = outbox.waiting(AT_ONCE, upto)
            if not rows:
                return rows
            try:
                if not self._put(_worth_sending(rows.values()), sparingly=sparingly, read_at=known):
                    raise _Unreachable
            except _ReadTooLongAgo:
                continue
            outbox.done(rows)
            return rows

    def _put(self, events: Collection[Event], *, sparingly: bool = True, read_at: int | None = None) -> bool:
        """
        Put events into the log; return whether they got there, and do not even try if it failed just now.

        Raises `_ReadTooLongAgo` if they were read from the outbox when the log was at `read_at`, and whether they
        were sent since then is not remembered any more.
        """
        if sparingly and self._outage.is_fresh:
            return False
        options = TRIM_EVERY, *_retention(), EVENT_BYTES, self._grown, "" if read_at is None else read_at
        try:
            self._newest_number, is_done = self._run("append", *options, *_flat(events))
        except RedisError as error:
            self._outage.begin(error)
            if isinstance(error, OutOfMemoryError):
                self.trim()
            return False
        self._outage.end()
        if not is_done:
            raise _ReadTooLongAgo
        return True

    def _run(self, command: str, *arguments: Any) -> Any:
        try:
            return self._script(keys=self._keys, args=[command, *arguments])
        except RedisError:
            # Another server may answer at that address by now.
            self._client.connection_pool.disconnect(inuse_connections=False)
            raise

    def _following(self, after: Position, limit: int) -> list[Event]:
        events = _events(self._client.xrange(self._log, f"0-{after.number}", "+", count=limit + 1))
        _check_place(events[:1], after)
        return events[1:]

    def _newest(self, limit: int) -> list[Event]:
        return _events(self._client.xrevrange(self._log, count=limit))[::-1]


def _retention() -> tuple[int, int, int, int]:
    count, age, size = (setting(f"SSE_RETENTION_{limit}") for limit in ("COUNT", "AGE", "BYTES"))
    return max(1, count), age, size, REMEMBERED


def _worth_sending(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.durable or event.sent_at > time.time() - STALE_SECONDS]


def _flat(events: Iterable[Event]) -> Iterable[str | float]:
    for event in events:
        # Stays the same on the way through the outbox, and no other event has it.
        token = f"{event.tag}{event.sent_at:.6f}"
        yield from (token, event.channel, event.name, event.text, event.tag, event.sent_at, int(event.durable))


def _check_place(found: list[Event], place: Position) -> None:
    """Raise `Gap` if what was found at a place is another event than the one that was there."""
    if not found or found[0].position != place:
        raise Gap(place)


def _of_script(entries: Any) -> list[Event]:
    """Return events as the script tells them: without dictionaries."""
    return _events((id, dict(zip(pairs[::2], pairs[1::2], strict=True))) for id, pairs in entries)


def _events(entries: Any) -> list[Event]:
    return [_event(int(id.removeprefix("0-")), **fields) for id, fields in entries]


def _event(number: int, *, sent_at: str, durable: str, **fields: str) -> Event:
    return Event(number=number, sent_at=float(sent_at), durable=durable == "1", **fields)
