"""The bundled nginx configuration under a real nginx, on free ports, in a folder that is thrown away."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ROOT, answers, free_port, wait_until

TEMPORARY = "".join(f"{kind}_temp_path temporary/{kind};\n" for kind in ("fastcgi", "uwsgi", "scgi"))
MIME_TYPES = "types { text/html html; text/css css; text/javascript js; image/webp webp; image/svg+xml svg; }\n"


def binary() -> str | None:
    """Return the path of nginx, or None."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@dataclass
class Nginx:
    """A running nginx: its folder, where it answers by http and, if it does, by https, and its process."""

    folder: Path
    url: str
    secure_url: str
    process: subprocess.Popen

    @property
    def site(self) -> Path:
        """What is /srv/site elsewhere."""
        return self.folder / "site"

    def log(self, name: str = "access.log") -> list[str]:
        """Return the lines of a log."""
        return (self.folder / name).read_text().splitlines()

    def reload(self) -> None:
        """Read the configuration again, in new workers."""
        self.process.send_signal(signal.SIGHUP)

    def workers(self) -> set[int]:
        """Return the ids of the worker processes, those that are on their way out included."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in listed.split()}


@contextlib.contextmanager
def in_front_of(url: str, folder: Path, changes: Mapping[str, str] | None = None) -> Iterator[str]:
    """
    Run nginx in front of the server at `url` for as long as the block runs; yields its own address.

    `changes`: lines of the bundled configuration, each with what stands in its place.
    """
    with running([url, url], folder, changes) as nginx:
        yield nginx.url


@contextlib.contextmanager
def running(
    urls: list[str],
    folder: Path,
    changes: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    host=None,
) -> Iterator[Nginx]:
    """
    Run nginx in front of two servers, at `http://…` or `unix:…`; with TLS if `extra` has that file.

    `extra` are files beside the configuration: in `http.d`, `server.d` and `upload.d`. With a `host`, which has an
    `address` and a `command()`, nginx runs there.
    """
    port, secure_port = free_port(), free_port()
    address = host.address if host else "127.0.0.1"
    write(urls, folder, port, secure_port, changes or {}, extra or {}, address)
    started = [*command(folder), "-g", "daemon off;"]
    process = subprocess.Popen(host.command(*started) if host else started)
    nginx = Nginx(folder, f"http://{address}:{port}", f"https://{address}:{secure_port}", process)
    try:
        wait_until(lambda: process.poll() is not None or answers(nginx.url))
        assert process.poll() is None, nginx.log("error.log")
        yield nginx
    finally:
        process.terminate()
        process.wait(10)


def spooled_bytes(nginx: Nginx) -> int:
    """Return the size of the files in which nginx keeps bodies and responses, and which have no name any more."""
    size = 0
    for file in [file for pid in nginx.workers() for file in Path(f"/proc/{pid}/fd").iterdir()]:
        # It may be closed by now.
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size if file.readlink().name.endswith(" (deleted)") else 0
    return size


def command(folder: Path) -> list[str]:
    """Return the command that runs what is written in `folder`."""
    return [str(binary()), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def write(urls, folder, port, secure_port, changes, extra, address="127.0.0.1") -> None:
    """Write the bundled configuration, with places and ports of its own, into `folder`."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for line, other in changes.items():
        assert line in text
        text = text.replace(line, other)
    for number, url in enumerate(urls, start=1):
        text = text.replace(f"unix:/run/site/web-{number}.sock", url.removeprefix("http://"))
    places = {
        "/run/nginx.pid": "nginx.pid",
        "/var/log/nginx": "",
        "/var/lib/nginx": "",
        "/srv/site": "site",
        "/srv/acme": "acme",
    }
    for place, other in places.items():
        text = text.replace(place, str(folder / other).rstrip("/"))
    text = text.replace("listen 80", f"listen {address}:{port}")
    text = text.replace("http {", "http {\n" + TEMPORARY.replace("temporary", str(folder)), 1)
    text = text.replace("worker_processes auto", "worker_processes 2")
    if os.geteuid() == 0:
        # The folders of tests are closed to everybody else.
        text = "user root;\n" + text
    size = (ROOT / "deploy" / "upload.conf").read_text()
    files = {"nginx.conf": text, "mime.types": MIME_TYPES, "upload.d/size.conf": size} | dict(extra)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        content = re.sub(r"listen 443", f"listen {address}:{secure_port}", content)
        (folder / name).write_text(content.replace("/etc/nginx/tls", str(folder / "tls")))
    (folder / "site").mkdir(exist_ok=True)
