"""Runs servers on their own cores."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from apps.sse.tests.servers.netns import THIS_MACHINE, Host
from tests.servers import ROOT, TIMEOUT_SECONDS, environment_for, free_port, wait_until

from . import machine

UVICORN = (
    "-m uvicorn {application} --interface asgi3 --host {address} --port {port} --http httptools --loop uvloop "
    "--lifespan off --no-access-log --log-level warning --workers {workers}"
)


class Server:
    """A server that listens on `port` of a host, logs to `folder` and may be killed and started again."""

    def __init__(
        self,
        command: list[str],
        port: int,
        folder: Path,
        environment: dict[str, str],
        cores: Iterable[int] = (machine.SERVER_CORE,),
        host: Host = THIS_MACHINE,
    ) -> None:
        self.port, self.environment, self.host = port, environment, host
        self._command, self._log, self._cores = command, folder / "server.log", cores

    def start(self) -> None:
        """Start the process."""
        with self._log.open("a") as output, machine.on_cores(self._cores), self.host.entered():
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        self.process = psutil.Process(self._process.pid)

    def listens(self) -> bool:
        """Return whether the server listens. Raises `RuntimeError` if it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{' '.join(self._command)} ended.")
        with socket.socket() as probe:
            return probe.connect_ex((self.host.address, self.port)) == 0

    def end_worker(self, number: int) -> None:
        """
        End the worker processes with a signal; their supervisor starts them again.

        A server without any is ended, and started again here.
        """
        workers = self.process.children()
        for worker in workers or [self.process]:
            worker.send_signal(number)
        if not workers:
            self._process.wait()
            self.start()

    def kill(self) -> None:
        """Kill the server and all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@dataclass(frozen=True)
class Target:
    """The running servers of a site, the headers of a logged-in user, and the processes of the broker."""

    servers: list[Server]
    headers: tuple[str, ...] = ()
    helpers: list[psutil.Process] = field(default_factory=list)

    @property
    def server(self) -> Server:
        """The first server."""
        return self.servers[0]


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Run a server while the block runs."""
    server.start()
    try:
        wait_until(server.listens, TIMEOUT_SECONDS)
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def uvicorn(
    application: str,
    folder: Path,
    python: str = sys.executable,
    workers: int = 1,
    hosts: Sequence[Host] = (THIS_MACHINE,),
    **variables: str,
) -> Iterator[list[Server]]:
    """
    Serve an ASGI application on each host, with `variables` in its environment, while the block runs.

    One worker has a core of its own; several have all cores.
    """
    port, environment = free_port(), environment_for(folder, **variables)
    cores = (machine.SERVER_CORE,) if workers * len(hosts) == 1 else machine.CORES
    with contextlib.ExitStack() as started:
        servers = []
        for host in hosts:
            options = UVICORN.format(application=application, address=host.address, port=port, workers=workers)
            server = Server([python, *options.split()], port, folder, environment, cores, host)
            servers.append(started.enter_context(running(server)))
        yield servers


@contextlib.contextmanager
def gunicorn(application: str, folder: Path, **variables: str) -> Iterator[list[Server]]:
    """Serve an ASGI application with the project's configuration of gunicorn and one worker."""
    port = free_port()
    own = {"BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1", "MAX_REQUESTS": "0"}
    command = [sys.executable, "-m", "gunicorn", application]
    with running(Server(command, port, folder, environment_for(folder, **own, **variables))) as server:
        yield [server]
