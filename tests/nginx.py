"""Runs nginx with the bundled configuration, on free ports, in a temporary folder."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ROOT, answers, free_port, wait_until

TEMPORARY = "".join(f"{kind}_temp_path temporary/{kind};\n" for kind in ("fastcgi", "uwsgi", "scgi"))
MIME_TYPES = "types { text/html html; text/css css; text/javascript js; image/webp webp; image/svg+xml svg; }\n"
SIZE = "client_max_body_size 51m;"


def binary() -> str | None:
    """Return the path of nginx, or None."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@dataclass
class Nginx:
    """A running nginx: its folder, its addresses for HTTP and, if it has TLS, HTTPS, and its process."""

    folder: Path
    url: str
    secure_url: str
    process: subprocess.Popen

    @property
    def site(self) -> Path:
        """The folder used in place of /srv/site."""
        return self.folder / "site"

    def log(self, name: str = "access.log") -> list[str]:
        """Return the lines of a log."""
        return (self.folder / name).read_text().splitlines()


@contextlib.contextmanager
def running(
    urls: list[str],
    folder: Path,
    changes: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    host=None,
) -> Iterator[Nginx]:
    """
    Run nginx in front of two servers, at `http://…` or `unix:…`, until the block ends.

    `changes` replaces parts of the bundled configuration. `extra` adds files to it: in `http.d`, `server.d` (TLS)
    and `upload.d`. nginx runs on this machine, or on a `host` with an `address` and a `command()`.
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


def command(folder: Path) -> list[str]:
    """Return the command that runs the configuration in `folder`."""
    return [str(binary()), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def write(urls, folder, port, secure_port, changes, extra, address="127.0.0.1") -> None:
    """Write the bundled configuration into `folder`, with other paths and ports."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    places = {
        "/run/nginx.pid": f"{folder}/nginx.pid",
        "/var/log/nginx": str(folder),
        "/var/lib/nginx": str(folder),
        "/srv/site": f"{folder}/site",
        "/srv/acme": f"{folder}/acme",
        "listen 80": f"listen {address}:{port}",
        "worker_processes auto": "worker_processes 2",
    }
    for number, url in enumerate(urls, start=1):
        places[f"unix:/run/site/web-{number}.sock"] = url.removeprefix("http://")
    for old, new in (dict(changes) | places).items():
        assert old in text
        text = text.replace(old, new)
    text = text.replace("http {", "http {\n" + TEMPORARY.replace("temporary", str(folder)), 1)
    if os.geteuid() == 0:
        # Other users cannot read the folders of tests.
        text = "user root;\n" + text
    files = {"nginx.conf": text, "mime.types": MIME_TYPES, "upload.d/size.conf": SIZE} | dict(extra)
    (folder / "site").mkdir(exist_ok=True)
    for name, content in files.items():
        content = content.replace("listen 443", f"listen {address}:{secure_port}")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content.replace("/etc/nginx/tls", str(folder / "tls")))
