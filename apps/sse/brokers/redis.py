"""
`redis://…`: the log is a stream of a Redis or Valkey server, of version 7 or later.

The address is as redis-py takes it, `rediss://` and `unix://` included. With `?prefix=name`
several deployments share a server's database. What survives a restart of the server is what it
has written to its disk, and it must not evict the log's keys when its memory is full.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import redis.asyncio
from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError
from redis.retry import Retry

from ..conf import setting
from ..events import Event, Position
from . import outbox
from .base import Broker, Gap

logger = logging.getLogger("apps.sse")

CONNECTIONS = 32
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
# Whom the server tells nothing for so long asks it, and gives it up after the same time again.
SILENCE_SECONDS = 10.0
# Each failure may have taken all of the above: publishers are spared another one for so long.
PAUSE_SECONDS = 2.0
# An event that is not durable and has waited for so long is not worth sending any more.
STALE_SECONDS = 30.0

AT_ONCE = 100
PAGE = 250
TRIM_EVERY = 100
# An event that is sent again, since nobody knows whether it arrived, is recognised among so many newer ones.
REMEMBERED = 50_000

SCRIPT = Path(__file__).with_suffix(".lua")


class RedisBroker(Broker):
    """
    Appends straight to the stream, or, in a transaction, by way of the outbox.

    The stream numbers its entries itself. An event that is sent twice is there once, so whoever
    does not know whether it arrived sends it again. While the server is out of reach, durable
    events wait in the outbox, in their order, and others are lost.
    """

    def __init__(self, url: str = "") -> None:
        super().__init__(url)
        self._address, prefix = split_prefix(url)
        self._client = redis.Redis(connection_pool=_pool(self._address))
        self._script = self._client.register_script(SCRIPT.read_text())
        # Braces, as servers that are sharded want them for keys that are used together.
        log, latest, seen, grown = ("{" + prefix + "}:" + name for name in ("log", "latest", "seen", "grown"))
        self._log, self._keys = log, [log, latest, seen]
        # All databases of a server share these names.
        self._grown = f"{grown}:{self._client.get_connection_kwargs().get('db', 0)}"
        self._outage = Outage()
        self._left = self._relayed = 0
        self._relay_after_commit = outbox.OnceAfterCommit(self._relay)

    def append(self, event: Event) -> None:
        if outbox.in_transaction():
            outbox.put(event)
            self._relay_after_commit()
        elif not self._reaches_the_log(event):
            self._keep(event)

    def read(self, after: Position, limit: int, channels: Collection[str] | None = None) -> list[Event]:
        if channels is None:
            return self._following(after, limit)
        wanted, found = {*channels}, list[Event]()
        while len(found) < limit:
            page = self._following(after, PAGE)
            found += [event for event in page if event.channel in wanted]
            if len(page) < PAGE:
                break
            after = page[-1].position
        return found[:limit]

    def tail(self, limit: int) -> list[Event]:
        newest = self._newest(limit)
        if not newest:
            mark = Event(channel="", name="mark", text="")
            self._run("begin", mark.tag, mark.sent_at)
            newest = self._newest(limit)
        return newest

    def latest(self, channels: Collection[str]) -> list[Event]:
        found = self._run("latest_of", *{*channels}) if channels else []
        entries = ((id, dict(zip(pairs[::2], pairs[1::2], strict=True))) for id, pairs in found)
        return sorted(_events(entries), key=lambda event: event.number)

    async def listen(self, wake: Callable[[], object]) -> None:
        options = _options() | {"retry": AsyncRetry(NoBackoff(), 0)}
        client = redis.asyncio.Redis.from_url(self._address, **options)
        async with client, client.pubsub() as heard:
            await heard.subscribe(self._grown)
            asked = False
            while True:
                message = await heard.get_message(timeout=SILENCE_SECONDS)
                if message is not None:
                    asked = False
                    if message["type"] in {"subscribe", "message"}:
                        wake()
                elif asked:
                    raise ConnectionError(f"The server has said nothing for {2 * SILENCE_SECONDS:g} seconds")
                else:
                    asked = True
                    await heard.ping()

    def trim(self) -> int:
        return self._run("trim", *_retention())

    def sweep(self) -> None:
        self._relay(sparingly=False)

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    def _reaches_the_log(self, event: Event) -> bool:
        """Put an event into the log, behind what this process has left in the outbox; say whether it got there."""
        has_left_some = self._left != self._relayed
        return (not has_left_some or self._relay()) and self._put([event])

    def _keep(self, event: Event) -> None:
        if event.durable:
            outbox.put(event)
            self._left += 1
        else:
            self._outage.lost += 1

    def _relay(self, *, sparingly: bool = True) -> bool:
        """Put all that waits into the log, in its order; say whether nothing had to be left."""
        left = self._left
        try:
            while rows := outbox.waiting(AT_ONCE):
                if not self._put(_worth_sending(rows.values()), sparingly=sparingly):
                    self._left += 1
                    return False
                outbox.done(rows)
                if len(rows) < AT_ONCE:
                    break
        except Exception:
            self._left += 1
            raise
        self._relayed = max(self._relayed, left)
        return True

    def _put(self, events: Collection[Event], *, sparingly: bool = True) -> bool:
        """Put events into the log; say whether they got there, and do not even try if it failed just now."""
        if sparingly and self._outage.is_fresh:
            return False
        try:
            self._run("append", TRIM_EVERY, *_retention(), self._grown, *_flat(events))
        except RedisError as error:
            self._outage.begin(error)
            return False
        self._outage.end()
        return True

    def _run(self, command: str, *arguments: Any) -> Any:
        return self._script(keys=self._keys, args=[command, *arguments])

    def _following(self, after: Position, limit: int) -> list[Event]:
        events = _events(self._client.xrange(self._log, f"0-{after.number}", "+", count=limit + 1))
        if not events or events[0].position != after:
            raise Gap(after)
        return events[1:]

    def _newest(self, limit: int) -> list[Event]:
        return _events(self._client.xrevrange(self._log, count=limit))[::-1]


class Outage:
    """Whether the server is out of reach: said once when it begins and once when it ends."""

    def __init__(self) -> None:
        self.lost = 0
        self._is_on = False
        self._fresh_until = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether it would be a waste of time to try again already."""
        return self._is_on and time.monotonic() < self._fresh_until

    def begin(self, error: Exception) -> None:
        """Note a failure."""
        self._fresh_until = time.monotonic() + PAUSE_SECONDS
        if not self._is_on:
            self._is_on = True
            logger.error("Redis takes no events (%s): durable ones wait in the database, others are lost.", error)

    def end(self) -> None:
        """Note a success."""
        if self._is_on:
            self._is_on = False
            logger.warning("Redis takes events again; %d that were not durable are lost.", self.lost)
            self.lost = 0


def split_prefix(url: str) -> tuple[str, str]:
    """Return a broker's address as redis-py takes it, and the prefix of its keys."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    prefix = query.pop("prefix", ["sse"])[0]
    return parts._replace(query=urlencode(query, doseq=True)).geturl(), prefix


def _pool(address: str) -> redis.BlockingConnectionPool:
    options = _options() | {"retry": Retry(NoBackoff(), 1, (ConnectionError,))}
    try:
        pool = redis.BlockingConnectionPool.from_url(
            address, max_connections=CONNECTIONS, timeout=ANSWER_SECONDS, **options
        )
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f"SSE_BROKER_URL is no address that redis-py takes ({error}): write redis://host:port/0, "
            "rediss://… or unix:///path/to/socket."
        ) from None
    return pool


def _options() -> dict[str, Any]:
    return {
        "decode_responses": True,
        "protocol": 2,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
    }


def _retention() -> tuple[int, float, int]:
    return max(1, setting("SSE_RETENTION_COUNT")), time.time() - setting("SSE_RETENTION_AGE"), REMEMBERED


def _worth_sending(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.durable or event.sent_at > time.time() - STALE_SECONDS]


def _flat(events: Iterable[Event]) -> Iterable[str | float]:
    for event in events:
        # Stays the same on the way through the outbox, and no other event has it.
        token = f"{event.tag}{event.sent_at:.6f}"
        yield from (token, event.channel, event.name, event.text, event.tag, event.sent_at, int(event.durable))


def _events(entries: Any) -> list[Event]:
    return [_event(int(id.removeprefix("0-")), **fields) for id, fields in entries]


def _event(number: int, *, sent_at: str, durable: str, **fields: str) -> Event:
    return Event(number=number, sent_at=float(sent_at), durable=durable == "1", **fields)
