"""A web server for tests of the client, which write its pages and streams."""

import queue
import select
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

SCRIPTS = Path(__file__).parents[2] / "static" / "sse"
SECONDS = 5
HEAD = '<!doctype html><html lang="en"><head><title>Test</title><script src="/djust-sse.js"></script></head>'


class Connection:
    """One request for a stream, which the test answers; `headers` are the client's."""

    def __init__(self, handler: BaseHTTPRequestHandler):
        self.headers = handler.headers
        self.target = handler.path
        self._handler = handler
        self._answered = threading.Event()
        self._writing = threading.Lock()
        self._is_kept_alive = False
        self._gone = threading.Event()

    def stream(self, frames: str | bytes = ":\n\n", **headers: str) -> "Connection":
        """
        Begin an event stream with `frames`; header names are written with underscores.

        Firefox resolves fetch() when the first bytes have arrived.
        """
        head = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        headers.setdefault("SSE_Joinable", "yes")
        self._head(200, head | headers)
        if frames:
            self.send(frames)
        return self

    def send(self, frames: str | bytes) -> None:
        """Write `frames` as one chunk."""
        data = frames if isinstance(frames, bytes) else frames.encode()
        with self._writing:
            self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def keep_alive(self) -> "Connection":
        """Write comments continuously from now on."""
        self._is_kept_alive = True
        return self

    def end(self) -> None:
        """End the response regularly."""
        self._handler.wfile.write(b"0\r\n\r\n")
        self._answered.set()

    def cut(self) -> None:
        """Close the connection in the middle of the response."""
        self._answered.set()

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        """Answer with a response that is not a stream."""
        self._head(status, {"Content-Type": "text/html", "Content-Length": str(len(body.encode()))} | headers)
        # The client may close the connection after the head.
        with suppress(OSError):
            self._handler.wfile.write(body.encode())
        self._answered.set()

    def wait_until_closed(self) -> None:
        """Return once the client has closed the connection, or the test has ended it; fail if it stays open."""
        assert self._gone.wait(SECONDS), f"the client kept {self.target} open"

    def hold(self) -> None:
        """Block until the test has answered or the client has closed the connection."""
        while not self._answered.is_set():
            readable, _, _ = select.select([self._handler.connection], [], [], 0.02)
            if readable and not self._received():
                break
            if self._is_kept_alive:
                self.send(":\n\n")
        self._gone.set()

    def _received(self) -> bytes:
        try:
            return self._handler.connection.recv(1024)
        except OSError:
            return b""

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("Connection", "close")
        self._handler.end_headers()


class ScriptedServer:
    """Pages by path, and a queue of the requests for everything else."""

    def __init__(self, url: str):
        self.url = url
        self.pages: dict[str, tuple[str, Mapping[str, str]]] = {}
        self.requests: queue.Queue[Connection] = queue.Queue()

    def page(self, body: str, headers: Mapping[str, str] | None = None, head: str = HEAD, path: str = "/") -> str:
        """Add a page with the client in its head, and return its URL."""
        self.pages[path] = (f"{head}<body>{body}</body></html>", headers or {})
        return self.url + path

    def accept(self, path: str | None = None) -> Connection:
        """Return the next request for a stream; assert that it is for `path` if given."""
        connection = self.requests.get(timeout=SECONDS)
        assert path in (None, urlsplit(connection.target).path)
        return connection

    def is_idle(self) -> bool:
        """Return whether no request waits for an answer."""
        return self.requests.empty()


class Handler(BaseHTTPRequestHandler):
    """Serves the pages and the client; hands every other request to the test."""

    protocol_version = "HTTP/1.1"
    script: ScriptedServer

    def do_GET(self) -> None:
        """Answer one request."""
        path = urlsplit(self.path).path
        if path.endswith(".js") and (SCRIPTS / path[1:]).exists():
            self._answer((SCRIPTS / path[1:]).read_bytes(), "text/javascript")
        elif path in self.script.pages:
            html, headers = self.script.pages[path]
            self._answer(html.encode(), "text/html; charset=utf-8", headers)
        elif path == "/favicon.ico":
            self._answer(b"", "image/x-icon")
        else:
            connection = Connection(self)
            self.script.requests.put(connection)
            connection.hold()
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Keep the test's output quiet."""

    def _answer(self, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": content_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """A server that stops while streams are open."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore browsers that close connections."""


@contextmanager
def serving() -> Iterator[ScriptedServer]:
    """Serve on a free port of the loopback address inside the block."""
    handler = type("ScriptedHandler", (Handler,), {})
    with Server(("127.0.0.1", 0), handler) as server:
        handler.script = ScriptedServer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield handler.script
        finally:
            server.shutdown()
