"""A Valkey or Redis server for tests, in a temporary folder."""

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.sse.tests.servers.netns import THIS_MACHINE, Host
from tests.servers import free_port, wait_until


def binary() -> str | None:
    """Return the installed server program, or None."""
    return shutil.which("valkey-server") or shutil.which("redis-server")


class Valkey:
    """
    A server in `folder`, on a host; `url` is its address, `socket_url` another.

    If `persistent`, data survives `stop()` and `start()`.
    """

    def __init__(self, folder: Path, *, persistent: bool = True, host: Host = THIS_MACHINE) -> None:
        self._folder, self._port, self._host = folder, free_port(), host
        self._persistence = ["--appendonly", "no"]
        if persistent:
            self._persistence = ["--appendonly", "yes", "--appendfsync", "always"]
        self.url = f"redis://{host.address}:{self._port}/0"
        self.socket_url = f"unix://{folder / 'socket'}"

    def start(self) -> None:
        """Start the server, always on the same port, and wait until it answers."""
        place = ["--bind", self._host.address, "--protected-mode", "no", "--port", str(self._port)]
        place += ["--dir", str(self._folder), "--unixsocket", str(self._folder / "socket")]
        command = [binary(), *place, "--save", "", *self._persistence]
        with (self._folder / "log").open("a") as log, self._host.entered():
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(self._answers)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The number of the process while the server runs."""
        return self._process.pid

    def stop(self) -> None:
        """Kill the server, cutting its connections."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Keep all connections and answer nothing until the server is stopped."""
        self._process.send_signal(signal.SIGSTOP)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        address = (self._host.address, self._port)
        with contextlib.suppress(OSError), socket.create_connection(address, 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100) == b"+PONG\r\n"
        return False


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Valkey]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:
        server = Valkey(Path(folder), **options)
        server.start()
        try:
            yield server
        finally:
            server.stop()
