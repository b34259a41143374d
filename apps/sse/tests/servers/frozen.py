"""A server that neither answers nor closes its connections, and what must happen to followers of its log."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

from django.db import connections

from apps.sse.delivery import log
from apps.sse.delivery.hub import Hub
from apps.sse.delivery.log import Unavailable
from apps.sse.tests.contract import BrokerContract
from apps.sse.tests.followers import RecordingFollower, until


class Proxy:
    """Forwards TCP connections to the server at an address; `url` is the same address through the proxy."""

    def __init__(self, url):
        there = urlsplit(url)
        self._server = there.hostname, there.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = url.replace(f":{there.port}", f":{self.port}")
        self._forwards = threading.Event()
        self._forwards.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self):
        """Stop forwarding, and keep all connections."""
        self._forwards.clear()

    def thaw(self):
        """Forward again."""
        self._forwards.set()

    def close(self):
        self._listener.close()
        self.thaw()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._forwards.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


async def check_that_followers_are_dropped_while_it_is_frozen(proxy, broker, publish, monkeypatch):
    """Follow a broker through the proxy; `publish` reaches the log without it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    for name, seconds in {
        "READ": 0.3,
        "MAX_MAINTENANCE": 0.3,
        "MAX_OUTAGE": 0.6,
        "MAINTENANCE": 0.1,
        "MIN_BACKOFF": 0.01,
    }.items():
        monkeypatch.setattr(log, f"{name}_SECONDS", seconds)
    event = BrokerContract.event
    hub = Hub(broker)
    with contextlib.closing(hub):
        await hub.start()
        for _ in range(2):
            follower, returning = RecordingFollower("news"), RecordingFollower("news")
            position = hub.join(follower)
            publish(event(text="received"))
            await until(lambda: follower.texts == ["received"])  # noqa: B023
            proxy.freeze()
            await until(lambda: follower.drop_reason == "broker")  # noqa: B023
            publish(event(text="missed"))
            refused = False
            try:
                await hub.start()
            except Unavailable:
                refused = True
            assert refused, "a client that reconnects is refused"
            proxy.thaw()
            await until(hub._log._is_ready.is_set)
            await hub.join_after(returning, position)
            await until(lambda: returning.texts == ["received", "missed"])  # noqa: B023
            hub.leave(follower)
            hub.leave(returning)
    connections.close_all()
