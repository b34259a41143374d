"""
`redis://…`: the log is a stream of a Redis or Valkey server, version 7 or later.

The URL is one of redis-py, including `rediss://` and `unix://`. With `?prefix=name` several deployments
share a server's database. The server must save its data to disk to keep the log through a restart, and
must not evict the log's keys when its memory is full.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from redis.exceptions import ConnectionError, NoScriptError, OutOfMemoryError, RedisError

from ...conf import setting
from ...wire.events import Event, Position
from .. import outbox
from ..base import EVENT_BYTES, Broker, Gap
from ..database import in_transaction
from .address import Address
from .circuit_breaker import CircuitBreaker

# Ping the server after this silence; reconnect if it does not answer within the same time again.
SILENCE_SECONDS = 10.0
# During a flood of events `listen` wakes at this interval.
GATHER_SECONDS = 0.005
# Events that are not durable are dropped from the outbox after this time.
STALE_SECONDS = 30.0

BATCH = 100
PAGE = 250
# A process trusts for this long that the outbox is still empty.
OUTBOX_SECONDS = 0.02
TRIM_EVERY = 100
# Size of the deduplication window, in entries: an event is sent again if the answer was lost.
DEDUPLICATION_WINDOW = 50_000

SCRIPT = Path(__file__).with_name("log.lua")


class _StaleRead(Exception):
    """The events were read so long ago that the server may have forgotten that another process sent them."""


class RedisBroker(Broker):
    """
    Appends directly to the stream, or in a transaction through the outbox.

    The stream numbers its entries. An event that is sent twice is stored once, so a process that got
    no answer sends it again. During an outage durable events stay in the outbox, in order. Others are
    lost; those of transactions are if they are older than `STALE_SECONDS`.

    A durable event follows those in the outbox. Only the database knows what other processes left
    there, so the outbox is read before an event goes directly to the stream, unless it was empty
    within the last `OUTBOX_SECONDS`. A process that leaves events there waits that long before it returns.
    """

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._address = Address(url)
        self._client = self._address.client()
        self._script = self._client.register_script(SCRIPT.read_text())
        # Braces: a cluster keeps keys with the same tag on one server.
        names = ("log", "latest", "seen", "marks", "size", "index", "indexed", "grown")
        *self._keys, grown = ["{" + self._address.prefix + "}:" + name for name in names]
        self._log = self._keys[0]
        # Pub/sub channels are shared by all databases of a server.
        self._grown = f"{grown}:{self._address.database}"
        self._breaker = CircuitBreaker()
        # `has_put`: this thread has put events into the outbox since it last relayed it.
        self._thread = threading.local()
        # How often this process left events in the outbox.
        self._left = 0
        # Until when the outbox counts as empty, and the value of `_left` at which that was true.
        self._empty_until = 0.0, 0
        # The newest number in the log, as far as this process knows.
        self._newest_number = 0

    def append(self, event: Event) -> None:
        if in_transaction():
            self._thread.has_put = True
            outbox.put_and_relay(event, self._relay)
        elif not event.durable:
            self._send(event)
        elif not (self._flush_outbox() and self._put([event])):
            outbox.put(event)
            self._wait_for_others()

    def read(self, after: Position, limit: int, channels: Collection[str] | None = None) -> list[Event]:
        if channels is not None:
            return self._read_channels(after, limit, channels)
        events = _events(self._call("XRANGE", self._log, f"0-{after.number}", "+", "COUNT", limit + 1))
        _check_position(events[:1], after)
        return events[1:]

    def missing(self, positions: Collection[Position]) -> set[Position]:
        places = [*positions]
        tags = self._run("tags", *(position.number for position in places))
        return {position for position, tag in zip(places, tags, strict=True) if position.tag != tag}

    def tail(self, limit: int) -> list[Event]:
        while not (newest := _events(self._call("XREVRANGE", self._log, "+", "-", "COUNT", max(limit, 1)))):
            # Another process may do the same at the same time: a second mark does no harm.
            mark = Event(channel="", name="mark", text="")
            start = "XADD", self._log, "0-*", "channel", "", "name", "mark", "text", ""
            self._call(*start, "tag", mark.tag, "sent_at", mark.sent_at, "durable", 1)
        return newest[::-1]

    def latest(self, channels: Collection[str]) -> list[Event]:
        found = self._run("latest_of", *{*channels}) if channels else []
        return sorted(_events(found), key=lambda event: event.number)

    async def listen(self, wake: Callable[..., object]) -> None:
        connection = self._address.async_connection()
        await connection.connect()
        try:
            await connection.send_command("SUBSCRIBE", self._grown)
            await connection.read_response()
            wake()
            is_pinged = False
            while True:
                began = time.monotonic()
                try:
                    async with asyncio.timeout(SILENCE_SECONDS):
                        received = await connection._reader.read(65536)
                except TimeoutError:
                    if is_pinged:
                        raise ConnectionError("Redis did not respond to a ping") from None
                    is_pinged = True
                    await connection.send_command("PING")
                    continue
                if not received:
                    raise ConnectionError("Redis closed the connection")
                is_pinged = False
                wake(*_newest(received))
                if time.monotonic() < began + GATHER_SECONDS:
                    await asyncio.sleep(GATHER_SECONDS)
        finally:
            await connection.disconnect(nowait=True)

    def trim(self) -> int:
        return self._run("trim", *_retention())

    def memory_share(self) -> float:
        memory = self._client.info("memory")
        return memory["used_memory"] / (memory["maxmemory"] or memory["total_system_memory"])

    def maintain(self) -> None:
        if self._relay(force=True):
            # Fails if the server stopped accepting writes, as a replica after a failover.
            self.trim()

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    def _send(self, event: Event) -> None:
        """Put an event that is not durable into the log; if that fails, it is lost."""
        if not self._put([event]):
            self._breaker.record_loss()

    def _flush_outbox(self) -> bool:
        """Relay the outbox unless it was empty just now; return whether it is empty."""
        until, left = self._empty_until
        if left == self._left and time.monotonic() < until and not getattr(self._thread, "has_put", False):
            return True
        return not self._breaker.is_open and self._relay()

    def _relay(self, *, force: bool = False) -> bool:
        """Move the outbox to the log, in order; return whether it was possible."""
        until, left, is_empty = time.monotonic() + OUTBOX_SECONDS, self._left, False
        self._thread.has_put = False
        try:
            while not is_empty:
                read_at, rows = self._newest_number, outbox.oldest(BATCH)
                with contextlib.suppress(_StaleRead):
                    if rows:
                        stale = time.time() - STALE_SECONDS
                        fresh = [event for event in rows.values() if event.durable or event.sent_at > stale]
                        if not self._put(fresh, force=force, read_at=read_at):
                            return False
                        outbox.remove(rows)
                    is_empty = len(rows) < BATCH
        finally:
            if not is_empty:
                self._wait_for_others()
        self._empty_until = until, left
        return True

    def _wait_for_others(self) -> None:
        """After leaving events in the outbox: wait until other processes read it before they send directly."""
        self._left += 1
        time.sleep(OUTBOX_SECONDS)

    def _put(self, events: Collection[Event], *, force: bool = False, read_at: int | None = None) -> bool:
        """
        Put events into the log; return whether the server accepted them. Does nothing while the circuit is open.

        Raises `_StaleRead` if they were read from the outbox when the log was at the number `read_at`, and the
        server no longer knows whether another process sent them since.
        """
        if self._breaker.is_open and not force:
            return False
        options = EVENT_BYTES, DEDUPLICATION_WINDOW, self._grown, "" if read_at is None else read_at
        try:
            self._newest_number, is_known = self._run("append", *options, *_flat(events))
            # One of their numbers is a multiple.
            if self._newest_number % TRIM_EVERY < len(events):
                self.trim()
        except RedisError as error:
            self._breaker.record_failure(error)
            if isinstance(error, OutOfMemoryError):
                self.trim()
            return False
        self._breaker.record_success()
        if not is_known:
            raise _StaleRead
        return True

    def _read_channels(self, after: Position, limit: int, channels: Collection[str]) -> list[Event]:
        found, has_more = list[Event](), True
        while has_more and len(found) < limit:
            page = self._run("read_page", after.number, limit - len(found), PAGE, *{*channels})
            first, matching, last = map(_events, page)
            _check_position(first, after)
            found += matching
            if has_more := bool(last):
                after = last[0].position
        return found

    def _run(self, command: str, *arguments: Any) -> Any:
        try:
            return self._call("EVALSHA", self._script.sha, len(self._keys), *self._keys, command, *arguments)
        except NoScriptError:
            self._call("SCRIPT LOAD", self._script.script)
            return self._run(command, *arguments)

    def _call(self, *command: Any) -> Any:
        """Run a command, again if an idle connection was dead. The methods of `redis.Redis` take twice as long."""
        pool = self._client.connection_pool

        def do() -> Any:
            connection.send_command(*command)
            return connection.read_response()

        try:
            connection = pool.get_connection()
            try:
                return connection.retry.call_with_retry(do, lambda _: connection.disconnect())
            finally:
                pool.release(connection)
        except RedisError:
            # Another server may have taken over the address.
            pool.disconnect(inuse_connections=False)
            raise


def _retention() -> tuple[int, int, int, int]:
    count, age, size = (setting(f"SSE_RETENTION_{limit}") for limit in ("COUNT", "AGE", "BYTES"))
    return max(1, count), age, size, DEDUPLICATION_WINDOW


def _flat(events: Iterable[Event]) -> Iterable[str | float]:
    for event in events:
        # The event's identity, which the outbox preserves.
        token = f"{event.tag}{event.sent_at:.6f}"
        yield from (token, event.channel, event.name, event.text, event.tag, event.sent_at, int(event.durable))


def _check_position(found: list[Event], position: Position) -> None:
    """Raise `Gap` unless the event that was found is the one of that position."""
    if not found or found[0].position != position:
        raise Gap(position)


def _events(entries: Any) -> list[Event]:
    return [_event(id, *fields[1::2]) for id, fields in entries]


def _newest(received: bytes) -> list[Event]:
    """Return the event of a single message, after the one before it; none if it is an answer, or only a number."""
    lines = received.split(b"\r\n")  # JSON has no line breaks.
    if len(lines) != 8 or not lines[6].startswith(b"["):
        return []
    (number, tag), fields = json.loads(lines[6])
    return [Event("", "", "", tag, number=number), _event(*fields)]


def _event(id: str, channel: str, name: str, text: str, tag: str, sent_at: str, durable: str) -> Event:
    return Event(channel, name, text, tag, float(sent_at), durable == "1", int(id.removeprefix("0-")))
