"""Runs the web server and a task worker for development. Both reload on changes."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from apps.dev import terminal
from apps.dev.database import refuse_foreign_database

HOST = "127.0.0.1"
# A name, since passkeys do not work on an IP address.
NAME = "localhost"
GRACE_SECONDS = 1.5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Requests and warnings.
LOG_CONFIG = Path(terminal.__file__).with_name("uvicorn_log.json")
# Like `python -m watchfiles`, but silent when it is stopped.
RESTART_ON_CHANGE = """
import logging, sys, watchfiles
logging.getLogger("watchfiles").setLevel("ERROR")
watchfiles.run_process(*sys.argv[2:], target=sys.argv[1], target_type="command")
"""


class Command(BaseCommand):
    """Starts both, prints the URL, and stops both on Ctrl-C or when one of them ends."""

    help = f"Runs uvicorn on http://{NAME}:PORT and a task worker. Both reload on changes."

    def add_arguments(self, parser):
        parser.add_argument("port", nargs="?", type=int, default=8000)
        parser.add_argument("--demo", action="store_true", help="migrate and create demo data first")

    def handle(self, *, port, demo, **options):
        refuse_used_port(port)
        if demo:
            self.prepare()
        for number in STOP_SIGNALS:
            # nohup ignores SIGHUP. A shell ignores SIGINT for background jobs, which should stop all the same.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, interrupt)
        self.serve(port)

    def serve(self, port):
        """Run the server and the worker until Ctrl-C, or until one of them ends."""
        children = [
            subprocess.Popen(command, env=environment(), start_new_session=True) for command in commands(port)
        ]
        try:
            wait_for_port(port, children)
            self.stdout.write(self.style.SUCCESS(f"\n  Live on http://{NAME}:{port}/   (press Ctrl-C to stop)\n"))
            while all_running(children):
                time.sleep(0.2)
            self.stderr.write("The server or the task worker stopped. The reason is above.")
        except KeyboardInterrupt:
            self.stdout.write("\nStopping.")
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            stop(children)

    def prepare(self):
        """Migrate and create demo data, in a development database only."""
        refuse_foreign_database()
        self.stdout.write("Preparing the database ...")
        call_command("migrate", verbosity=0)
        call_command("demo_users")
        call_command("demo", seed=True)
        connections.close_all()


def interrupt(*args: object) -> None:
    """Raise `KeyboardInterrupt` once: a second signal, such as the one that `make` passes on, is ignored."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def commands(port: int) -> list[list[str]]:
    """Return the command lines of the web server and of the worker."""
    application = ":".join(settings.ASGI_APPLICATION.rsplit(".", 1))
    uvicorn = [sys.executable, "-m", "uvicorn", application, "--reload", f"--log-config={LOG_CONFIG}"]
    folders = [f"--reload-dir={folder}" for folder in source_folders()]
    templates = ["--reload-include=*.html"]
    # Django's autoreloader would kill the worker during a task. watchfiles sends a signal.
    worker = shlex.join([sys.executable, sys.argv[0], "db_worker", "--no-reload", "--no-startup-delay"])
    return [
        [*uvicorn, f"--host={HOST}", f"--port={port}", *folders, *templates],
        [sys.executable, "-c", RESTART_ON_CHANGE, worker, *source_folders()],
    ]


def environment() -> dict[str, str]:
    """Return the environment of the processes: in a terminal with a debugger that does not delay a stop."""
    debugger = {"PYTHONBREAKPOINT": "apps.dev.debugger.set_trace"} if terminal.is_interactive() else {}
    return debugger | os.environ


def source_folders() -> list[str]:
    """Return the folders to watch for changes: packages and templates."""
    return sorted(
        str(folder)
        for folder in settings.BASE_DIR.iterdir()
        if (folder / "__init__.py").exists() or folder.name == "templates"
    )


def refuse_used_port(port: int) -> None:
    """Raise `CommandError` if another program listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.args[-1]}). "
                f"Stop the program that uses it, or choose another port: make run PORT={port % 65535 + 1}"
            ) from None


def all_running(children: list[subprocess.Popen]) -> bool:
    """Return whether all processes still run."""
    return all(child.poll() is None for child in children)


def wait_for_port(port: int, children: list[subprocess.Popen]) -> None:
    """Wait until the port accepts connections or a process has ended."""
    while all_running(children):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)


def stop(children: list[subprocess.Popen]) -> None:
    """Terminate the processes; kill them and their children after `GRACE_SECONDS`."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
