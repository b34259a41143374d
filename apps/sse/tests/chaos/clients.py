"""Clients of streams, many per event loop, that reconnect with the id of their last event."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx

from apps.sse.wire.events import Position
from apps.sse.wire.parser import Frame, Parser, ReceivedEvent

LOST = (OSError, EOFError)


class Client:
    """
    Follows channels at `path`, and reconnects after about `pause` seconds whenever its stream ends.

    `events` are those with a position, `resets` the number of resets, `answers` the number of responses by
    status, `last_id` the newest position.
    """

    def __init__(self, url, channels, path="/channels/", cookie="", last_id="", pause=0.3):
        self.host, self.port = url.removeprefix("http://").split(":")
        self.channels = list(channels)
        self.target = f"{path}?{urlencode([('channel', channel) for channel in self.channels])}"
        self.cookie, self.last_id, self.pause = cookie, last_id, pause
        self.events: list[ReceivedEvent] = []
        self.resets = 0
        self.answers: Counter[int] = Counter()
        self.retry_after: list[str | None] = []
        self.is_connected = False
        self._writer: asyncio.StreamWriter | None = None

    async def follow(self):
        """Connect, again and again, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(60):
                    stream = await self.connect()
                if stream is not None:
                    async for frame in frames(stream):
                        self.take(frame)
            except LOST:
                pass
            finally:
                self.cut()
            await asyncio.sleep(self.pause * random.uniform(0.5, 1.5))

    async def connect(self):
        """Request the stream and return the reader of its body, or None if it was refused."""
        reader, self._writer = await asyncio.open_connection(self.host, self.port)
        self._writer.write(self._head().encode("latin-1"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        self.answers[status] += 1
        if status != 200:
            headers = dict(line.lower().split(": ", 1) for line in head.strip().split("\r\n")[1:])
            self.retry_after.append(headers.get("retry-after"))
            return None
        self.is_connected = True
        return reader

    def cut(self):
        """Abort the connection."""
        self.is_connected = False
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    def take(self, frame):
        """Record a frame that has arrived."""
        self.last_id = frame.id or self.last_id
        if frame.event and frame.event.name == "sse:reset":
            self.resets += 1
        elif frame.event and frame.event.name != "sse:open":
            self.events.append(frame.event)

    @property
    def positions(self):
        """The number of each event in the log."""
        return [Position.parse(event.id).number for event in self.events]

    @property
    def numbers(self):
        """The field `n` of each event."""
        return [event.data["n"] for event in self.events]

    def _head(self):
        lines = [f"GET {self.target} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += [f"Cookie: sessionid={self.cookie}"] * bool(self.cookie)
        lines += [f"Last-Event-ID: {self.last_id}"] * bool(self.last_id)
        return "\r\n".join([*lines, "", ""])


class Crowd:
    """Clients that follow until the block ends: `async with Crowd(clients)`."""

    def __init__(self, clients):
        self.clients = list(clients)

    async def __aenter__(self):
        self._tasks = [asyncio.create_task(client.follow()) for client in self.clients]
        return self

    async def __aexit__(self, *exception):
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        if exception == (None, None, None):
            assert [end for end in ends if not isinstance(end, asyncio.CancelledError)] == []

    async def until(self, condition, seconds=30):
        """Wait until a condition is true for every client."""
        await until(lambda: all(condition(client) for client in self.clients), seconds)

    async def until_positioned(self, seconds=60):
        """Wait until every client is connected and has a position."""
        await self.until(lambda client: client.is_connected and client.last_id, seconds)


async def until(condition, seconds=30):
    """Wait until `condition()` is true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def frames(reader) -> AsyncIterator[Frame]:
    """Yield the frames of a chunked response."""
    parser = Parser()
    while size := int(await reader.readline() or b"0", 16):
        for frame in parser.frames((await reader.readexactly(size + 2))[:-2]):
            yield frame


async def fetch(url, path, **parameters):
    """Return the JSON of a response, or the response if it has no content."""
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.get(url + path, params=parameters)
    assert answer.status_code == 200, answer
    return answer.json() if answer.content else answer
