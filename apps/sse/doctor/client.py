"""The doctor's HTTP client: the response of one request, and the frames of its stream as they arrive."""

import contextlib
import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..wire.parser import Frame, Parser

CONNECT_SECONDS = 10
# 0 would not wait at all.
MIN_WAIT_SECONDS = 0.001
# The first that fits.
EXPLANATIONS: dict[type[OSError], str] = {
    ConnectionRefusedError: "{site} refuses connections: is the server running, and is the port right?",
    ssl.SSLCertVerificationError: "The certificate of {site} is not trusted ({error.verify_message}). If you "
    "issued it yourself, set the environment variable SSL_CERT_FILE to its file.",
    ssl.SSLError: "{site} does not use TLS ({error.reason}): is the URL http://?",
    OSError: "{site} cannot be reached: {error}.",
}


class Unreachable(Exception):
    """No server responds at a URL. The message is a sentence with the reason."""


class Disconnected(Exception):
    """The response has ended or was cut."""


class StreamRequest:
    """
    A request, and its response as it arrives. After a wait without result it can only be closed.

    `arrived_at` is when the last frame arrived (`time.monotonic`). Raises `Unreachable`.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        address = urlsplit(url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.hostname or "", address.port, timeout=CONNECT_SECONDS)
        self._frames: Iterator[Frame] = iter(())
        self._parser = Parser()
        self._decompressor = zlib.decompressobj(wbits=31)
        self.arrived_at = 0.0
        with _explained(address):
            self._connection.connect()
            self._socket = self._connection.sock
            target = (address.path or "/") + (f"?{address.query}" if address.query else "")
            self._connection.request("GET", target, headers=dict(headers))

    def get_response(self, timeout: float) -> http.client.HTTPResponse | None:
        """Return the status and headers, or None after `timeout` seconds; raises `Disconnected`."""
        self.response = self._wait(timeout, self._connection.getresponse)
        return self.response

    def get_frame(self, timeout: float) -> Frame | None:
        """Return the next frame, or None after `timeout` seconds; raises `Disconnected`."""
        deadline = time.monotonic() + timeout
        while (frame := next(self._frames, None)) is None:
            data = self._wait(deadline - time.monotonic(), self.response.read1)
            if data is None:
                return None
            self.arrived_at = time.monotonic()
            if self.response.headers.get("Content-Encoding") == "gzip":
                data = self._decompressor.decompress(data)
            self._frames = iter(self._parser.frames(data))
        return frame

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _wait(self, timeout: float, receive: Callable[[], Any]) -> Any:
        self._socket.settimeout(max(timeout, MIN_WAIT_SECONDS))
        try:
            if received := receive():
                return received
        except TimeoutError:
            return None
        except (OSError, ValueError, http.client.HTTPException):
            pass
        raise Disconnected


def negotiated_protocol(url: str) -> str:
    """Return the protocol that browsers use with a server; raises `Unreachable`."""
    address = urlsplit(url)
    if address.scheme == "http":
        return "http/1.1"
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        _explained(address),
        socket.create_connection((address.hostname, address.port or 443), CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=address.hostname) as secure,
    ):
        return secure.selected_alpn_protocol() or "http/1.1"


@contextlib.contextmanager
def _explained(address: SplitResult) -> Iterator[None]:
    """Raise errors of the network as `Unreachable`."""
    try:
        yield
    except OSError as error:
        text = next(text for kind, text in EXPLANATIONS.items() if isinstance(error, kind))
        raise Unreachable(text.format(site=address.netloc, error=error)) from None
