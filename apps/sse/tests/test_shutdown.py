"""A process that stops waits until the server has written the last bytes of its streams."""

import asyncio
import fcntl
import socket
import subprocess
import sys
import threading

import pytest

from apps.sse.access.crowd import Crowd
from apps.sse.http.response import frames_of
from apps.sse.servers import listening_sockets, shutdown, wsgi
from apps.sse.servers.asgi import SCOPE_KEY, serve
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


class Cycle:
    """A request of a server that keeps TCP connections open: `transport` notes whether it was closed."""

    def __init__(self):
        self.transport = self
        self.is_closed = False

    async def send(self, message):
        assert not self.is_closed

    async def receive(self):
        await asyncio.get_running_loop().create_future()

    def is_closing(self):
        return self.is_closed

    def abort(self):
        raise AssertionError("the last bytes were discarded")

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize("is_stopping", [True, False])
def test_a_process_that_stops_closes_the_connection_after_the_last_bytes(monkeypatch, is_stopping):
    async def application(scope, receive, send):
        scope[SCOPE_KEY].handed_off = Connection(
            Finished().play, opening="retry: 1\n\n", retry_ms=1, keepalive=15, client=Client()
        )

    monkeypatch.setattr(registry, "is_stopping", is_stopping)
    cycle = Cycle()
    asyncio.run(serve(application, Crowd(), {"type": "http", "headers": []}, cycle.receive, cycle.send))
    assert cycle.is_closed == is_stopping


def test_a_process_that_stops_logs_one_line_for_all_its_streams(caplog):
    async def scenario():
        async def send(message):
            pass

        async def follow(connection):
            return True

        running = [
            asyncio.create_task(
                Connection(follow, opening="retry: 1\n\n", retry_ms=1, keepalive=15, client=Client()).run(send)
            )
            for _ in range(3)
        ]
        await asyncio.sleep(0)
        caplog.clear()
        registry.end_all()
        assert await asyncio.gather(*running) == [True, True, True]

    with caplog.at_level("DEBUG", "apps.sse"):
        asyncio.run(scenario())
    assert caplog.messages[0] == "3 streams end: restart"
    assert [record.levelname for record in caplog.records] == ["INFO", "DEBUG", "DEBUG", "DEBUG"]
    assert "restart" in caplog.messages[1]


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

    @property
    def is_ended(self):
        return self.reason is not None

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
