"""Starts this project's servers as a person would, each in a folder of its own on a free port."""

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
# Below those of outgoing connections, so that a server that is restarted finds its own free.
PORTS = (10_000, 32_000)

COMMANDS = {
    "uvicorn": "uvicorn {package}.asgi:application --host {host} --port {port} --log-level warning",
    "runserver": "manage.py runserver {host}:{port}",
}


@dataclass
class Server:
    """A running server: where it answers, its process, its log, and how to start it again."""

    url: str
    process: subprocess.Popen
    log: Path
    command: list[str]
    environment: dict[str, str]

    def output(self) -> str:
        """Return all that the server has printed so far."""
        return self.log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM, patience: float = TIMEOUT_SECONDS) -> float:
        """Send a signal, wait for the end, and return the seconds that it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(patience)
        return time.monotonic() - started

    def restart(self) -> None:
        """Start the same server on the same port again."""
        self.process = _launch(self.command, self.environment, self.log)
        _wait_until_it_answers(self)

    def kill(self) -> None:
        """End the server and all its processes at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait_until(condition, seconds=10):
    """Return the first true value of `condition()`, asked again and again for some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{condition} did not become true within {seconds} s")


def free_port() -> int:
    """Return a port of the loopback that nobody has, and that the system gives to nobody by itself."""
    while True:
        port = random.randint(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment_for(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a development server whose state is in `folder`; tests are faster than people."""
    if "DATABASE_URL" in variables:
        variables.setdefault("DEVELOPMENT_DATABASE", variables["DATABASE_URL"].rpartition("@")[2])
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    ours = {"DATA_DIR": str(folder), "DEBUG": "1", "PYTHONUNBUFFERED": "1", "SSE_MAX_PUBLISH_PER_MINUTE": "0"}
    return inherited | ours | variables


def manage(*arguments: str, environment: dict[str, str], fails: bool = False) -> str:
    """Run a management command, which is expected to succeed or to fail, and return what it printed."""
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
    Serve the Django project `package`, with its state in `folder`, for as long as the block runs.

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
        _wait_until_it_answers(server)
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def task_worker(environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    """Run a task worker until the block is left."""
    command = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--interval", "0.1"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def copy_database(source: Path, folder: Path) -> None:
    """Give `folder` a copy of the migrated database in `source`."""
    shutil.copyfile(source / "db.sqlite3", folder / "db.sqlite3")


def _launch(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen:
    with log.open("a") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.output()
        if answers(server.url):
            return
        time.sleep(0.05)
    raise AssertionError(f"The server did not answer.\n{server.output()}")


def answers(url: str) -> bool:
    """Say whether a server answers at all, be it with an error."""
    try:
        httpx.get(f"{url}/accounts/login/", timeout=5)
    except httpx.TransportError:
        return False
    return True
