"""Publishes events to a system over one HTTP connection."""

import http.client
import json

from .crowd import MARK

EVENT_BYTES = 100
# A list, since systems differ in whether they quote a plain string.
BODY = json.dumps(["x" * (EVENT_BYTES - len('["~"]')) + MARK]).encode()
HEADERS = {"Content-Type": "application/json", "X-EventSource-Event": "tick"}


class Publisher:
    """Publishes to the server on one port, as an event named `tick` with 100 bytes of data."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def publish(self) -> None:
        """Publish one event. Raises `RuntimeError` if the server refuses it."""
        self._connection.request("POST", "/publish/", BODY, HEADERS)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"The event was answered with {response.status}: {answer[:200]!r}")

    def close(self) -> None:
        """Close the connection; the next event opens another one."""
        self._connection.close()
