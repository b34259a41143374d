"""A process that stops waits until the server has written the last bytes of its streams."""

import asyncio
import fcntl
import socket
import subprocess
import sys
import threading

import pytest

from apps.sse.http.response import frames_of
from apps.sse.servers import listening_sockets, shutdown, wsgi
from apps.sse.servers.listening_sockets import ListeningSockets
from apps.sse.stream import registry
from apps.sse.stream.connection import Connection
from apps.sse.stream.registry import Client, Registry


class Finished:
    """A source that is finished immediately."""

    async def play(self, connection):
        pass


def test_under_wsgi_a_stream_is_waited_for_until_the_server_has_closed_its_body():
    connection = Connection(Finished().play, opening="retry: 1\n\n", retry_ms=1, keepalive=15, client=Client())
    body = wsgi.Body(frames_of(connection))
    assert list(body) == [b"retry: 1\n\n"]
    assert registry.open_streams() == 0
    assert body in shutdown.open_bodies
    body.close()
    assert body not in shutdown.open_bodies


def test_listening_sockets_are_found_while_other_threads_close_theirs():
    is_over = threading.Event()

    def open_and_close():
        while not is_over.is_set():
            for end in socket.socketpair():
                end.close()

    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        try:
            assert not any(ListeningSockets().closed() for _ in range(300))
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 45_000


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Only Linux has the timeout.")
def test_a_connection_that_waited_to_be_accepted_when_the_first_stream_opened_gets_the_timeout_too():
    async def scenario():
        with (
            socket.create_server(("127.0.0.1", 0)) as listening,
            socket.create_connection(listening.getsockname()),
        ):
            listening_sockets.check(None)
            with listening.accept()[0] as accepted:
                registry.ticked.send(sender=Registry)
                return accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert asyncio.run(scenario()) == 45_000


def test_the_search_for_listening_sockets_keeps_the_locks_of_open_files(tmp_path):
    """Closing any descriptor of a file releases the process's POSIX locks on it, with which SQLite protects writes."""
    locked = tmp_path / "locked"
    lock = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with locked.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        ListeningSockets()
        other = subprocess.run([sys.executable, "-c", lock, locked], capture_output=True, text=True, check=False)
    assert "BlockingIOError" in other.stderr


class Open:
    """An open stream, as far as its end is concerned."""

    reason = None

    def end(self, reason):
        self.reason = reason


def test_a_process_that_no_longer_listens_ends_streams_that_open_later_too(monkeypatch, tmp_path):
    monkeypatch.setattr(listening_sockets, "DESCRIPTORS", tmp_path)

    async def scenario():
        streams, first, later = registry.get_registry(), Open(), Open()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            (tmp_path / str(listening.fileno())).touch()
            streams.connections.add(first)
            listening_sockets.check(None)
            assert first.reason is None
        registry.ticked.send(sender=None)
        assert first.reason == "restart"
        streams.connections = {later}
        listening_sockets.check(None)
        assert later.reason == "restart"
        streams.connections.clear()

    asyncio.run(scenario())
