"""A server that echoes requests, for tests of proxies."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator

UPLOAD_PERMISSION = "/api/upload-permission/"


class Echo(http.server.BaseHTTPRequestHandler):
    """
    Respond with the request's headers as JSON.

    `/accel/NAME` makes nginx send a private file, and any cookie `sessionid` may upload.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == UPLOAD_PERMISSION:
            self.send_response(self.permission())
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        if self.path.startswith("/accel/"):
            self.send_header("X-Accel-Redirect", "/private-media/private/" + self.path.removeprefix("/accel/"))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def permission(self) -> int:
        """Return the status of the permission to upload; an HTTPS-only application redirects first."""
        if self.headers["X-Forwarded-Proto"] != "https":
            return 301
        return 204 if "sessionid" in self.headers.get("Cookie", "") else 401

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def echoing() -> Iterator[str]:
    """Run the server in a thread while the block runs; yields its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
