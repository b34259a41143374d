"""Starts servers of this project, each with its own data folder and a free port."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = os.environ["DJANGO_SETTINGS_MODULE"].split(".")[0]
TIMEOUT_SECONDS = 30
# Below the ephemeral ports, so that a restarted server gets its port again.
PORTS = (10_000, 32_000)

COMMANDS = {
    "uvicorn": "uvicorn {package}.asgi:application --host {host} --port {port} --log-level warning",
    "runserver": "manage.py runserver {host}:{port}",
}


@dataclass
class Server:
    """A running server: its URL, process and log, and the command to start it again."""

    url: str
    process: subprocess.Popen
    log: Path
    command: list[str]
    environment: dict[str, str]

    def output(self) -> str:
        """Return the output of the server so far."""
        return self.log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM, timeout: float = TIMEOUT_SECONDS) -> float:
        """Send a signal, wait for the end of the process, and return the seconds until then."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout)
        return time.monotonic() - started

    def restart(self) -> None:
        """Start the same server on the same port again."""
        self.process = _launch(self.command, self.environment, self.log)
        _wait_for_response(self)

    def kill(self) -> None:
        """Kill the server and all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait_until(condition, seconds=10):
    """Call `condition()` until its value is true, and return the value; fail after some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{condition} did not become true within {seconds} s")


def free_port() -> int:
    """Return a free port of the loopback address."""
    while True:
        port = random.randint(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment_for(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a development server with its data in `folder` and no limit of publishing."""
    if "DATABASE_URL" in variables:
        variables.setdefault("DEVELOPMENT_DATABASE", variables["DATABASE_URL"].rpartition("@")[2])
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "CACHE"))
    }
    ours = {"DATA_DIR": str(folder), "DEBUG": "1", "PYTHONUNBUFFERED": "1", "SSE_MAX_PUBLISH_PER_MINUTE": "0"}
    return inherited | ours | variables


def manage(*arguments: str, environment: dict[str, str], fails: bool = False) -> str:
    """Run a management command that must succeed, or fail with `fails=True`; return its output."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, printed
    return printed


@contextlib.contextmanager
def serving(
    kind: str, folder: Path, package: str = PACKAGE, options: str = "", host: str = "127.0.0.1", **variables: str
) -> Iterator[Server]:
    """
    Serve the Django project `package`, with its data in `folder`, until the block ends.

    `options` are added to the command of that `kind`, `variables` to its environment; `host` is the address
    to listen at.
    """
    port = free_port()
    command = f"{COMMANDS[kind].format(package=package, host=host, port=port)} {options}".split()
    command = [sys.executable, *([] if kind.startswith("runserver") else ["-m"]), *command]
    environment = environment_for(folder, **variables)
    log = folder / "server.log"
    server = Server(f"http://{host}:{port}", _launch(command, environment, log), log, command, environment)
    try:
        _wait_for_response(server)
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def task_worker(environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    """Run a task worker until the block ends."""
    command = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--interval", "0.1"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def copy_database(source: Path, folder: Path) -> None:
    """Copy the migrated database of the folder `source` to `folder`."""
    shutil.copyfile(source / "db.sqlite3", folder / "db.sqlite3")


def _launch(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen:
    with log.open("a") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def _wait_for_response(server: Server) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.output()
        if answers(server.url):
            return
        time.sleep(0.05)
    raise AssertionError(f"The server did not respond.\n{server.output()}")


def answers(url: str) -> bool:
    """Return whether a server responds, with any status."""
    try:
        httpx.get(f"{url}/accounts/login/", timeout=5)
    except httpx.TransportError:
        return False
    return True
