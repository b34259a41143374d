"""The compared systems; each reports its missing requirements and serves `/ticks/` and `/publish/`."""

import contextlib
import functools
import os
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from apps.sse.tests.servers import netns
from tests import nginx
from tests.servers import ROOT, environment_for, free_port

from . import brokers, machine, packages
from .serving import Server, Target, gunicorn, running, uvicorn

NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


class System(Protocol):
    """A way to send events to many clients, and its name in the table."""

    name: str

    def missing(self) -> str:
        """Return how to install what this machine lacks, or ""."""

    def serving(self, folder: Path) -> contextlib.AbstractContextManager[Target]:
        """Serve while the block runs, with all files in `folder`."""


@dataclass(frozen=True)
class Nchan:
    """nginx with the module nchan."""

    name: str

    def missing(self) -> str:
        return "" if nginx.binary() and NCHAN.exists() else "install nginx and libnginx-mod-nchan"

    @contextlib.contextmanager
    def serving(self, folder: Path) -> Iterator[Target]:
        port = free_port()
        template = string.Template((ROOT / "bench" / "systems" / "nchan.conf").read_text())
        values = {"module": NCHAN, "connections": machine.raise_file_limit(), "folder": folder, "port": port}
        (folder / "nginx.conf").write_text(template.substitute(values))
        command = [nginx.binary(), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
        with running(Server(command, port, folder, dict(os.environ))) as server:
            yield Target([server])


@dataclass(frozen=True)
class Plain:
    """The ASGI application of a module without Django; `is_peer` if it needs a compared package."""

    name: str
    module: str
    is_peer: bool = False

    def missing(self) -> str:
        return packages.install() if self.is_peer else ""

    @contextlib.contextmanager
    def serving(self, folder: Path) -> Iterator[Target]:
        with uvicorn(f"{self.module}:application", folder, python(self.is_peer)) as servers:
            yield Target(servers)


@dataclass(frozen=True)
class Site:
    """
    This project's site as in production, with the URLs of one module, a broker and a logged-in user.

    If it `is_supervised`, gunicorn starts a worker that has ended again.
    """

    name: str
    urls: str
    application: str = "bench.site.asgi:plain_application"
    apps: str = ""
    is_peer: bool = False
    broker: str = "memory"
    workers: int = 1
    is_supervised: bool = False

    def missing(self) -> str:
        return packages.install() if self.is_peer else brokers.missing(self.broker)

    @contextlib.contextmanager
    def serving(self, folder: Path) -> Iterator[Target]:
        with self.site(folder) as (variables, headers, processes):
            if self.is_supervised:
                serving = gunicorn(self.application, folder, **variables)
            else:
                serving = uvicorn(self.application, folder, python(self.is_peer), self.workers, **variables)
            with serving as servers:
                yield Target(servers, headers, processes)

    @contextlib.contextmanager
    def site(self, folder: Path, *log_host: netns.Host) -> Iterator[tuple[dict[str, str], tuple[str, ...], list]]:
        """Prepare a migrated site; return its environment, the headers of a user, and the broker's processes."""
        with brokers.BROKERS[self.broker](*log_host) as broker:
            variables = settings(self.urls, self.apps) | broker.variables
            if "DATABASE_URL" in variables:
                headers = logged_in(folder, variables)
            else:
                database, headers = sqlite_with_login()
                (folder / "db.sqlite3").write_bytes(database)
            # Else WhiteNoise warns.
            (folder / "static").mkdir()
            yield variables, headers, broker.processes


@dataclass(frozen=True)
class Hosts(Site):
    """The site on several hosts, each with one of its `workers`; the broker has a host of its own."""

    def missing(self) -> str:
        return super().missing() or netns.missing()

    @contextlib.contextmanager
    def serving(self, folder: Path) -> Iterator[Target]:
        with (
            netns.hosts(self.workers + 1) as (*hosts, own),
            self.site(folder, own) as (variables, headers, processes),
            uvicorn(self.application, folder, hosts=hosts, **variables) as servers,
        ):
            yield Target(servers, headers, processes)


def python(is_peer: bool) -> str:
    """Return the Python that has the locked packages and, for a peer, the compared ones."""
    return str(packages.PYTHON) if is_peer else sys.executable


def settings(urls: str, apps: str = "") -> dict[str, str]:
    """Return the environment of a production site that is served without TLS on the loopback."""
    return {
        "DJANGO_SETTINGS_MODULE": "bench.site.settings",
        "BENCH_URLS": urls,
        "BENCH_APPS": apps,
        "DEBUG": "0",
        "HTTPS": "0",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": "only-for-the-benchmark-" + "x" * 50,
        "SSE_BROKER_URL": "memory://",
    }


def logged_in(folder: Path, variables: dict[str, str]) -> tuple[str, ...]:
    """Migrate a site's database, log a user in, and return the headers that the user's browser sends."""
    command = [sys.executable, "-m", "bench.site.log_in"]
    printed = subprocess.check_output(command, cwd=ROOT, env=environment_for(folder, **variables), text=True)
    return (*printed.splitlines(),)


@functools.cache
def sqlite_with_login() -> tuple[bytes, tuple[str, ...]]:
    """Return a migrated SQLite database with a logged-in user, and the user's headers."""
    with tempfile.TemporaryDirectory() as name:
        headers = logged_in(Path(name), settings("bench.systems.queues"))
        return (Path(name) / "db.sqlite3").read_bytes(), headers


OURS = Site("this project", "bench.systems.ours", application="bench.site.asgi:application")

SYSTEMS: dict[str, System] = {
    "nchan": Nchan("nchan in nginx"),
    "ours": OURS,
    "sqlite": replace(OURS, name="this project, SQLite", broker="sqlite"),
    "postgresql": replace(OURS, name="this project, PostgreSQL", broker="postgresql"),
    "valkey": replace(OURS, name="this project, Valkey", broker="valkey"),
    "hosts": Hosts("this project, hosts with Valkey", OURS.urls, OURS.application, broker="valkey"),
    "queues": Site("Django, a queue for each connection", "bench.systems.queues"),
    "eventstream": Site(
        "django-eventstream", "bench.systems.eventstream", apps="django_eventstream", is_peer=True
    ),
    "starlette": Plain("sse-starlette", "bench.systems.starlette", is_peer=True),
    "bare": Plain("ASGI without a framework, one loop", "bench.systems.bare"),
}
