"""Reads streams like a client of the specification."""

import itertools

import httpx
from httpx_sse import connect_sse


def events(url, path, count, **headers):
    """Return the first events of a stream, then disconnect."""
    with (
        httpx.Client(timeout=10) as client,
        connect_sse(client, "GET", url + path, headers=headers) as source,
    ):
        source.response.raise_for_status()
        return list(itertools.islice(stream_events(source), count))


def stream_events(source):
    """Yield the events of a stream, except `sse:open`."""
    return (event for event in source.iter_sse() if event.data and event.event != "sse:open")


class Reader:
    """An open stream whose first event has arrived; `rest()` reads it to its end."""

    def __init__(self, stack, url, path, **headers):
        client = stack.enter_context(httpx.Client(timeout=15))
        self.response = stack.enter_context(client.stream("GET", url + path, headers=headers))
        self.response.raise_for_status()
        self._chunks = self.response.iter_raw()
        self.start = b""
        while b"\ndata:" not in self.start:
            self.start += next(self._chunks)

    def next_bytes(self):
        """Return the next bytes."""
        return next(self._chunks)

    def rest(self):
        """Return all bytes until the stream ends."""
        return b"".join(self._chunks)
