"""Misbehaving clients do not affect others, and slow clients that read get everything."""

import re
import socket
import time
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from apps.sse.tests.servers.streaming import Reader
from tests.servers import wait_until

CHANNELS = "channel=a&channel=b&channel=c&channel=d"
# Each kind of server: its options, and the number of connections.
SERVERS = {
    "uvicorn": ("", 300),
    "gunicorn with uvicorn-worker": ("--workers 1", 300),
    "gunicorn with its ASGI worker": ("--workers 1", 300),
    "gunicorn with threads": ("", 300),
    "daphne": ("", 300),
    "gunicorn with sync workers": ("", 12),
    "runserver": ("", 300),
}
CASES = [
    *((kind, options, count) for kind, (options, count) in SERVERS.items()),
    pytest.param("uvicorn", "--http h11", 300, marks=pytest.mark.soak),
    pytest.param("uvicorn", "--loop asyncio", 300, marks=pytest.mark.soak),
]
MISSED = 200
BYTES_PER_SECOND = 25_000_000 / 8


def connect(server, path, requests=1, **headers):
    """Send requests for a stream in one segment, and return the socket."""
    address = urlsplit(server.url)
    lines = [f"GET {path} HTTP/1.1", f"Host: {address.netloc}", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    client = socket.create_connection((address.hostname, address.port), timeout=20)
    client.sendall("\r\n".join(lines).encode() * requests)
    return client


def state(server):
    return httpx.get(f"{server.url}/state/", timeout=20).json()


@pytest.mark.parametrize(("kind", "options", "count"), CASES)
def test_pipelined_requests_of_a_client_that_closes_are_uncounted_and_affect_no_other_client(
    streams, kind, options, count
):
    with streams(kind, options, TICK_SECONDS="0.2") as server, ExitStack() as stack:
        witness = Reader(stack, server.url, "/quick/")
        lines = len(server.output().splitlines())
        for number in range(count):
            with closing(connect(server, "/quickchannel/", requests=2)) as client:
                if number % 2:
                    client.recv(100)
        # A sync worker with a stream serves nothing else, so the ones that respond are free.
        is_one_process = kind != "gunicorn with sync workers"
        wait_until(lambda: all(state(server)["counted"] == is_one_process for _ in range(10)), 60)
        received = b""
        started = time.monotonic()
        while time.monotonic() < started + 0.6:
            received = witness.next_bytes()
            assert received.startswith(b": keepalive\n\n")
        added = server.output().splitlines()[lines:]
        assert len(added) <= count, "more than a line for each client"


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn with its ASGI worker"])
def test_a_client_that_stops_reading_leaves_no_socket_and_no_task(streams, notes, kind):
    def sockets():
        """Return the server's sockets of the client's connection, including those without a process."""
        return [c.status for c in psutil.net_connections("tcp4") if c.raddr == client.getsockname()]

    def tasks():
        return int(watching.get("/tasks/").text)

    one = "--workers 1" if kind.startswith("gunicorn") else ""
    with (
        streams(kind, one, TICK_SECONDS="0.1", LINGER_SECONDS="0.3", SSE_MAX_AGE="1") as server,
        httpx.Client(base_url=server.url) as watching,
    ):
        # A process reads the log from its first stream on.
        assert "sse:end" in watching.get("/finite/").text
        few = wait_until(tasks)
        with closing(connect(server, "/large/")) as client:
            assert client.recv(100).startswith(b"HTTP/1.1 200")
            wait_until(lambda: notes() == ["finally"])
            wait_until(lambda: watching.get("/state/").json()["counted"] == 0)
            wait_until(lambda: not sockets())
            wait_until(lambda: tasks() <= few)
        assert "ERROR" not in server.output().upper()


@pytest.mark.parametrize(("kind", "size"), [("uvicorn", 60_000), ("gunicorn with threads", 4_000)])
def test_a_slow_client_that_reads_gets_all_missed_events_on_one_connection(streams, kind, size):
    def ids_until(client, count):
        """Read slowly until `count` positions have arrived or the stream has ended."""
        found, rest = [], b""
        while len(found) < count and (data := client.recv(65536)):
            *lines, rest = (rest + data).split(b"\n")
            found += [line.decode() for line in lines if re.match(rb"id: \d+-\w+$", line)]
            time.sleep(len(data) / BYTES_PER_SECOND)
        return found

    def newest():
        with closing(connect(server, f"/channels/?{CHANNELS}")) as client:
            return ids_until(client, 1)[0]

    with streams(kind) as server:
        start = newest()
        httpx.get(f"{server.url}/say/?{CHANNELS}&count={MISSED}&size={size}", timeout=30).raise_for_status()
        # Events that the process has not read yet would be delivered live, all at once.
        wait_until(lambda: int(newest()[4:].split("-")[0]) > MISSED)
        with closing(
            connect(server, f"/channels/?{CHANNELS}", **{"Last-Event-ID": start.removeprefix("id: ")})
        ) as client:
            assert len({*ids_until(client, MISSED)} - {start}) == MISSED
