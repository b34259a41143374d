"""A stream as it comes out of the wire: what was answered, and what arrived when."""

import contextlib
import http.client
import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

CONNECT_SECONDS = 10


class Unreachable(Exception):
    """Nobody answers at an address; the message says why in a sentence."""


class Frame(NamedTuple):
    """What lies between two blank lines: an event, its id, a comment, and when it arrived (`time.monotonic`)."""

    event: str
    data: str
    id: str
    comment: str
    at: float

    @property
    def is_keepalive(self) -> bool:
        """Whether it has no data: a comment, or, where a stream has positions, the newest one."""
        return not self.data and bool(self.id or self.comment)


class Ended(Exception):
    """There is no more to come."""


class Stream:
    """
    A request whose answer is read in a thread, so that waiting for it can be given up.

    `began_after`: how many seconds after the request the first bytes of the body came.
    Raises `Unreachable`.
    """

    def __init__(self, url: str, headers: Mapping[str, str], method: str = "GET") -> None:
        address = urlsplit(url)
        self._connection = _connection(address)
        self._arrived: queue.Queue[Any] = queue.Queue()
        self._frames: Iterator[Frame] = iter(())
        self._rest = ""
        self._inflate = zlib.decompressobj(31)
        self.began_after = 0.0
        with _told_in_words(address):
            self._connection.connect()
            self._socket = self._connection.sock
            self._socket.settimeout(None)
            target = (address.path or "/") + (f"?{address.query}" if address.query else "")
            self._connection.request(method, target, headers=dict(headers))
        self._opened_at = time.monotonic()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def answer(self, seconds: float) -> http.client.HTTPResponse | None:
        """Return the status and headers, or None if there are none within some seconds; raises `Ended`."""
        self.response = self._next(seconds)
        return self.response

    def frame(self, seconds: float) -> Frame | None:
        """Return what arrives next, or None if nothing does within some seconds; raises `Ended`."""
        deadline = time.monotonic() + seconds
        while (found := next(self._frames, None)) is None:
            arrived = self._next(deadline - time.monotonic())
            if arrived is None:
                return None
            at, data = arrived
            self.began_after = self.began_after or at - self._opened_at
            self._frames = iter(self._parse(self._decode(data), at))
        return found

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            response = self._connection.getresponse()
            self._arrived.put(response)
            while data := response.read1():
                self._arrived.put((time.monotonic(), data))
        self._arrived.put(None)

    def _next(self, seconds: float) -> Any:
        try:
            arrived = self._arrived.get(timeout=max(0, seconds))
        except queue.Empty:
            return None
        if arrived is None:
            self._arrived.put(None)
            raise Ended
        return arrived

    def _decode(self, data: bytes) -> str:
        if self.response.headers.get("Content-Encoding") == "gzip":
            data = self._inflate.decompress(data)
        return data.decode(errors="replace")

    def _parse(self, text: str, at: float) -> list[Frame]:
        *blocks, self._rest = (self._rest + text).replace("\r\n", "\n").split("\n\n")
        return [_frame(block, at) for block in blocks]


def _frame(block: str, at: float) -> Frame:
    lines = [line.partition(":") for line in block.split("\n")]
    fields = {name: value.removeprefix(" ") for name, _, value in lines}
    event, data, id, comment = (fields.get(name, "") for name in ("event", "data", "id", ""))
    return Frame(event, data, id, comment, at)


def negotiated(url: str) -> str:
    """Return the protocol that a browser and the server of a https address agree on; raises `Unreachable`."""
    address = urlsplit(url)
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        _told_in_words(address),
        socket.create_connection((address.hostname, address.port or 443), CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=address.hostname) as secure,
    ):
        return secure.selected_alpn_protocol() or "http/1.1"


def _connection(address: SplitResult) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=CONNECT_SECONDS)


@contextlib.contextmanager
def _told_in_words(address: SplitResult) -> Iterator[None]:
    at = address.netloc
    try:
        yield
    except ConnectionRefusedError:
        raise Unreachable(f"{at} refuses connections: is the server running, and is the port right?") from None
    except socket.gaierror:
        raise Unreachable(f"The host name {address.hostname} does not resolve.") from None
    except TimeoutError:
        raise Unreachable(
            f"{at} did not respond within {CONNECT_SECONDS} seconds: does a firewall block it?"
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"The certificate of {at} is not trusted ({error.verify_message}). If you issued it yourself, "
            "set the environment variable SSL_CERT_FILE to its file."
        ) from None
    except ssl.SSLError as error:
        raise Unreachable(f"{at} does not use TLS ({error.reason}): is the URL http://?") from None
    except OSError as error:
        raise Unreachable(f"{at} cannot be reached: {error.strerror or error}.") from None
