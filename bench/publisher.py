"""Publishes events to a system over one HTTP connection."""

import http.client
import json
import time

from .crowd import MARK
from .serving import Server

EVENT_BYTES = 100
HEADERS = {"Content-Type": "application/json", "X-EventSource-Event": "tick"}


def stamped(sent_us: int, size: int = EVENT_BYTES) -> list[str]:
    """
    Return the data of an event: as JSON it has `size` bytes, and its end is the time at which it was sent.

    It is a list, since systems differ in whether they quote a plain string.
    """
    end = f"{sent_us:016}{MARK}"
    return ["x" * (size - len(json.dumps([end]))) + end]


class Publisher:
    """Publishes to one server, as an event named `tick`."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection(server.host.address, server.port, timeout=60)
        self._newest = 0

    def publish(self, size: int = EVENT_BYTES, to: int | None = None) -> None:
        """
        Publish an event with `size` bytes of data: to all, or to the stream with the number `to`.

        Raises `RuntimeError` if the server refuses it.
        """
        self._newest = max(time.monotonic_ns() // 1000, self._newest + 1)
        self.send(stamped(self._newest, size), to)

    def send(self, data: object, to: int | str | None = None) -> None:
        """Publish an event with this data."""
        body = json.dumps(data).encode()
        self._connection.request("POST", "/publish/" if to is None else f"/publish/{to}/", body, HEADERS)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"The event was answered with {response.status}: {answer[:200]!r}")

    def close(self) -> None:
        """Close the connection; the next event opens another one."""
        self._connection.close()
