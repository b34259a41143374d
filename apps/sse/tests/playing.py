"""A running connection whose client's socket a test fills and drains."""

import asyncio

from apps.sse.stream.connection import Connection
from apps.sse.stream.registry import Client

TIMEOUT_SECONDS = 5


class Socket:
    """A client's socket, which can be full: the data that it took, and whether the response is complete."""

    def __init__(self):
        self.taken = []
        self.is_complete = False
        self.error = None
        self._has_room = asyncio.Event()
        self._has_room.set()

    def fill(self):
        self._has_room.clear()

    def drain(self):
        self._has_room.set()

    async def send(self, message):
        if error := self.error:
            self.error = None
            raise error
        if message["body"]:
            self.taken.append(message["body"])
        self.is_complete = not message["more_body"]
        await self._has_room.wait()


class Silent:
    """A source that sends nothing and notes that its `finally` has run."""

    def __init__(self):
        self.is_playing = asyncio.Event()
        self.is_cleaned_up = False

    async def play(self, connection):
        self.is_playing.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            self.is_cleaned_up = True


class Playing:
    """A running connection: `async with Playing() as it`. Its client disconnects at the end."""

    def __init__(self, source=None, keepalive=15.0):
        self.source = source or Silent()
        self.socket = Socket()
        self.released = []
        self.connection = Connection(
            self.source.play,
            opening="retry: 3000\n\n",
            retry_ms=3000,
            keepalive=keepalive,
            client=Client("me", "", "::1"),
            on_release=self.released.append,
        )

    async def __aenter__(self):
        self.task = asyncio.ensure_future(self.connection.run(self.socket.send))
        await self.source.is_playing.wait()
        self.socket.taken.clear()
        return self

    async def __aexit__(self, *exception):
        self.connection.on_disconnect()
        await self.ended()

    async def ended(self):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self.task
