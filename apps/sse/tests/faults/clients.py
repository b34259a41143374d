"""A client in this process that reads a stream and reconnects with its last id whenever the stream ends."""

import asyncio
from typing import Any

from apps.sse.servers.asgi import Application
from apps.sse.wire.parser import Parser

from .injection import AFTER, faults

RETRY_SECONDS = 0.01


class Request:
    """
    One request and the part of its response that has arrived.

    After a failure the socket stays broken. After an `OSError` the server also receives the disconnect;
    after a `RuntimeError` it does not, as in uvicorn while a pipelined request waits.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._disconnected = asyncio.Event()
        self._has_sent_request = False
        self._failure: type[Exception] | None = None
        self.has_ended = asyncio.Event()
        self.parser = Parser(client.last_id)
        # Keepalives are chunks without an event, except the first.
        self.chunks = self.keepalives = 0

    async def receive(self) -> dict[str, Any]:
        """Return the request, later the disconnect."""
        if not self._has_sent_request:
            self._has_sent_request = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Receive a message, unless this call fails."""
        kind = message["type"].removeprefix("http.response.")
        how = faults.count("send", f"{kind} to {self._client.name}")
        if self._client.is_slow:
            await asyncio.sleep(0)
        if how == AFTER:
            self._take(message)
        if how:
            self._fail(RuntimeError if how == "RuntimeError" else ConnectionResetError)
        if self._failure is not None:
            raise self._failure("injected")
        self._take(message)

    def disconnect(self) -> None:
        """Disconnect: messages sent from now on are lost."""
        self._disconnected.set()
        self.has_ended.set()

    def _fail(self, failure: type[Exception]) -> None:
        self._failure = failure
        self.has_ended.set()
        if failure is not RuntimeError:
            self._disconnected.set()

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("body") and not self.has_ended.is_set():
            events = self.parser.feed(message["body"])
            self.keepalives += bool(self.chunks and not events)
            self.chunks += 1
            self._client.take(events, self.parser.last_event_id)


class Client:
    """
    A client of the stream at `path`, from the position `since` on; if `is_slow`, its socket is always full.

    `received` are the texts of its events, `tasks` the server's side of its `requests`, `raised` the
    errors that reached the server.
    """

    def __init__(self, application: Application, path: str, name: str, **options: Any) -> None:
        self.name, self.path = name, path
        self.since = self.last_id = options.get("since", "")
        self.is_slow = options.get("is_slow", False)
        # The first event that a client without a position has to receive.
        self.first = 10**9
        self.received: list[str] = []
        self.resets: list[str] = []
        self.requests: list[Request] = []
        self.tasks: list[asyncio.Task] = []
        self.raised: list[str] = []
        self.is_stopping = False
        self._application = application
        self._cookie = options.get("cookie", "")

    @property
    def is_placed(self) -> bool:
        """Whether it receives all events from now on."""
        return bool(self.last_id) and bool(self.requests)

    def take(self, events: list[Any], last_id: str) -> None:
        """Add events, and the id after them."""
        self.last_id = last_id
        self.received += [event.text for event in events if event.name == "e"]
        self.resets += [event.text for event in events if event.name == "sse:reset"]

    async def run(self) -> None:
        """Read, and reconnect, until `is_stopping` is set and the stream has ended."""
        while not self.is_stopping:
            request = Request(self)
            self.requests.append(request)
            task = asyncio.ensure_future(self._serve(request))
            self.tasks.append(task)
            ended = asyncio.ensure_future(request.has_ended.wait())
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            await asyncio.sleep(RETRY_SECONDS)

    async def _serve(self, request: Request) -> None:
        # A server logs what the application raises.
        try:
            await self._application(self._scope(), request.receive, request.send)
        except Exception as error:
            self.raised.append(repr(error))

    def _scope(self) -> dict[str, Any]:
        headers = [(b"host", b"testserver"), (b"cookie", self._cookie.encode())]
        if self.last_id:
            headers.append((b"last-event-id", self.last_id.encode()))
        return {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": self.path,
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
