"""The compared systems; each reports its missing requirements and serves `/ticks/` and `/publish/`."""

import contextlib
import functools
import os
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests import nginx
from tests.servers import ROOT, environment_for, free_port

from . import machine, packages
from .serving import Target, running, uvicorn

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
        with running(command, port, folder, dict(os.environ)) as process:
            yield Target(port, process)


@dataclass(frozen=True)
class Plain:
    """The ASGI application of a module without Django; `is_peer` if it needs a compared package."""

    name: str
    module: str
    is_peer: bool = False

    def missing(self) -> str:
        return packages.install() if self.is_peer else ""

    def serving(self, folder: Path) -> contextlib.AbstractContextManager[Target]:
        return uvicorn(f"{self.module}:application", folder, python(self.is_peer))


@dataclass(frozen=True)
class Site:
    """This project's site as in production, with the URLs of one module and a logged-in user."""

    name: str
    urls: str
    application: str = "bench.site.asgi:plain_application"
    apps: str = ""
    is_peer: bool = False

    def missing(self) -> str:
        return packages.install() if self.is_peer else ""

    @contextlib.contextmanager
    def serving(self, folder: Path) -> Iterator[Target]:
        database, cookies = logged_in()
        (folder / "db.sqlite3").write_bytes(database)
        variables = settings(urls=self.urls, apps=self.apps)
        with uvicorn(self.application, folder, python(self.is_peer), cookies, **variables) as target:
            yield target


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
        "SSE_BROKER_URL": os.environ.get("SSE_BROKER_URL", "memory://"),
    }


@functools.cache
def logged_in() -> tuple[bytes, str]:
    """Return a migrated SQLite database with a logged-in user, and the user's cookies."""
    with tempfile.TemporaryDirectory() as name:
        environment = environment_for(Path(name), **settings(urls="bench.systems.queues"))
        key = subprocess.check_output(
            [sys.executable, "-m", "bench.site.log_in"], cwd=ROOT, env=environment, text=True
        )
        return (Path(name) / "db.sqlite3").read_bytes(), f"sessionid={key}"


SYSTEMS: dict[str, System] = {
    "nchan": Nchan("nchan in nginx"),
    "ours": Site("this project", "bench.systems.ours", application="bench.site.asgi:application"),
    "queues": Site("Django, a queue for each connection", "bench.systems.queues"),
    "eventstream": Site(
        "django-eventstream", "bench.systems.eventstream", apps="django_eventstream", is_peer=True
    ),
    "starlette": Plain("sse-starlette", "bench.systems.starlette", is_peer=True),
    "bare": Plain("ASGI without a framework, one loop", "bench.systems.bare"),
}
