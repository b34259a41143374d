"""A client whose packets are all lost, or that stops reading, is disconnected within a minute."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from apps.sse.servers.listening_sockets import UNACKNOWLEDGED_SECONDS
from tests.servers import wait_until

KINDS = [
    "uvicorn",
    "gunicorn with threads",
    *(
        pytest.param(kind, marks=pytest.mark.soak)
        for kind in (
            "uvicorn with two workers",
            "gunicorn with uvicorn-worker",
            "gunicorn with its ASGI worker",
            "gunicorn with sync workers",
            "daphne",
            "runserver",
        )
    ),
]


def open_stream(host, server, path, **options):
    """Open a stream from the second host, and wait for its first event."""
    client = host.connect(httpx.URL(server.url).port, **options)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: site\r\n\r\n".encode())
    arrived = b""
    while b"\ndata:" not in arrived:
        arrived += client.recv(1024)
    return client


@pytest.fixture
def serving(streams, second_host):
    """Serve at the address that the second host reaches."""
    return lambda kind, **variables: streams(kind, host=second_host.near, ALLOWED_HOSTS="*", **variables)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_whose_packets_are_lost_is_disconnected_while_keepalives_are_sent(
    serving, second_host, notes, kind
):
    with serving(kind, UNACKNOWLEDGED_SECONDS="2") as server:
        # The first one was accepted before its process set the timeout.
        clients = [open_stream(second_host, server, "/idle/") for _ in range(2)]
        second_host.cut()
        wait_until(lambda: notes() == ["finally"] * 2, seconds=20)
        for client in clients:
            client.close()


@pytest.mark.soak
def test_it_takes_a_minute_at_most(serving, second_host, notes):
    with serving("uvicorn") as server, open_stream(second_host, server, "/idle/"):
        second_host.cut()
        started = time.monotonic()
        wait_until(notes, seconds=90)
        assert UNACKNOWLEDGED_SECONDS - 1 < time.monotonic() - started < 60


def test_a_client_on_a_slow_link_stays_and_one_that_reads_nothing_does_not(serving, second_host, notes):
    seconds = 2
    second_host.slow_down("200kbit")
    with serving("uvicorn", UNACKNOWLEDGED_SECONDS=str(seconds)) as server:
        slow = open_stream(second_host, server, "/wide/")
        stalled = open_stream(second_host, server, "/wide/", receive_bytes=4096)
        started, is_over = time.monotonic(), threading.Event()
        with ThreadPoolExecutor(1) as pool:
            received = pool.submit(read, slow, is_over)
            try:
                wait_until(notes, seconds=20)
                is_over.wait(started + 3 * seconds - time.monotonic())
            finally:
                is_over.set()
        assert notes() == ["finally"]
        assert received.result() < 40_000 * (time.monotonic() - started), "it was slower than the stream"
        slow.close()
        wait_until(lambda: notes() == ["finally"] * 2)
        stalled.close()


def read(client, is_over):
    """Read all that arrives until it is over; return the number of bytes."""
    received = 0
    while not is_over.is_set():
        chunk = client.recv(65536)
        assert chunk, "the server has closed the connection"
        received += len(chunk)
    return received
