"""Runs servers on their own core."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.servers import ROOT, TIMEOUT_SECONDS, Server, environment_for, free_port, wait_until

from . import machine

UVICORN = (
    "-m uvicorn {application} --interface asgi3 --host 127.0.0.1 --port {port} --http httptools --loop uvloop "
    "--lifespan off --no-access-log --log-level warning"
)


@dataclass(frozen=True)
class Target:
    """A running server: its port, its process, and the cookies of a logged-in user."""

    port: int
    process: psutil.Process
    cookies: str = ""


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """Run a server that listens on `port` and logs to `folder` while the block runs."""
    log = folder / "server.log"
    with log.open("w") as output, machine.on_core(machine.SERVER_CORE):
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(f"http://127.0.0.1:{port}", process, log, command, environment)
    try:
        wait_until(lambda: listens(server, port), TIMEOUT_SECONDS)
        yield psutil.Process(process.pid)
    finally:
        server.kill()


def listens(server: Server, port: int) -> bool:
    """Return whether the server listens. Raises `RuntimeError` with its log if it has ended."""
    if server.process.poll() is not None:
        raise RuntimeError(f"{' '.join(server.command)} ended:\n{server.output()}")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def uvicorn(
    application: str, folder: Path, python: str = sys.executable, cookies: str = "", **variables: str
) -> Iterator[Target]:
    """Serve an ASGI application with one worker and `variables` in its environment while the block runs."""
    port = free_port()
    command = [python, *UVICORN.format(application=application, port=port).split()]
    with running(command, port, folder, environment_for(folder, **variables)) as process:
        yield Target(port, process, cookies)
