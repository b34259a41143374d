"""nginx with the sysctls of its container: clients that vanish, and clients that do not read."""

import contextlib
import re
import socket
import socketserver
import subprocess
import threading
import time

import pytest

from apps.sse.tests.servers.nginx_processes import spooled_bytes
from tests import nginx
from tests.fixtures import need
from tests.servers import ROOT, wait_until

KEEPALIVE_SECONDS = 0.3
NOTHING = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
LARGE_BYTES = 64 * 2**20
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (LARGE_BYTES, b"x" * LARGE_BYTES)
KIB, MIB = 2**10, 2**20


class Application(socketserver.BaseRequestHandler):
    """Sends a large response, or keepalives until nginx has closed the connection."""

    def handle(self):
        request = self.request.recv(65536)
        with contextlib.suppress(OSError):
            if b" /large " in request:
                self.request.sendall(LARGE)
            elif b" /api/feed/stream/ " in request:
                self.stream()
            else:
                self.request.sendall(NOTHING)

    def stream(self):
        self.request.sendall(STREAM)
        self.server.open_streams += 1
        with contextlib.suppress(OSError):
            while not self.server.is_over.wait(KEEPALIVE_SECONDS):
                self.request.sendall(b":\n\n")
        self.server.open_streams -= 1


@pytest.fixture
def application(tmp_path):
    """A server at a Unix socket, with the number of its open streams."""
    with socketserver.ThreadingUnixStreamServer(f"{tmp_path}/web.sock", Application) as server:
        server.open_streams, server.is_over, server.daemon_threads = 0, threading.Event(), True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.is_over.set()
        server.shutdown()


def sysctls():
    """Return the sysctls of nginx's container."""
    text = (ROOT / "deploy" / "compose.yml").read_text()
    return dict(re.findall(r"^ +(net\.[\w.]+): (\d+)$", text, re.MULTILINE))


@contextlib.contextmanager
def requesting(host, folder, path, changes=None):
    """Request a path of nginx on the second host, with compose's sysctls and `changes`; yields nginx and the client."""
    need(nginx.binary(), "nginx")
    for name, value in (sysctls() | (changes or {})).items():
        subprocess.run(host.command("sysctl", "-q", "-w", f"{name}={value}"), check=True)
    with nginx.running([f"unix:{folder}/web.sock"] * 2, folder, host=host) as proxy, socket.socket() as client:
        client.connect((host.address, int(proxy.url.rpartition(":")[2])))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: site\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        yield proxy, client


def seconds_until_disconnected(host, application, folder, timeout, changes=None):
    """Open a stream, drop all packets, and return the seconds until nginx closes it."""
    with requesting(host, folder, "/api/feed/stream/", changes):
        wait_until(lambda: application.open_streams == 1)
        host.cut()
        started = time.monotonic()
        wait_until(lambda: not application.open_streams, timeout)
        return time.monotonic() - started


def test_a_client_whose_packets_are_lost_is_disconnected_while_keepalives_are_sent(
    second_host, application, tmp_path
):
    sooner = {"net.ipv4.tcp_retries2": "3"}
    assert 2 < seconds_until_disconnected(second_host, application, tmp_path, 12, sooner) < 12


@pytest.mark.soak
def test_a_vanished_client_is_disconnected_within_two_minutes_with_composes_settings(
    second_host, application, tmp_path
):
    taken = seconds_until_disconnected(second_host, application, tmp_path, 300)
    print(f"disconnected after {taken:.0f} s")
    assert taken < 120


def test_a_client_that_does_not_read_costs_little_memory_and_a_megabyte_on_the_disk(
    second_host, application, tmp_path
):
    with requesting(second_host, tmp_path, "/large") as (proxy, client):
        # Fast reading first grows the socket buffers.
        client.recv(16 * MIB, socket.MSG_WAITALL)
        wait_until(lambda: spooled_bytes(proxy) > 900 * KIB)
        assert spooled_bytes(proxy) <= MIB + 64 * KIB
        listed = subprocess.run(
            second_host.command("ss", "-tn"), capture_output=True, text=True, check=True
        ).stdout
        queued = [int(line.split()[2]) for line in listed.splitlines()[1:]]
        # Over 2 MiB without the limit.
        assert 0 < max(queued) <= 1.5 * MIB, listed
