"""The bundled nginx configuration under a real nginx, on a free port, in a folder that is thrown away."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers import ROOT, answers, free_port, wait_until

FRAME = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {}
http {
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}
"""


def binary() -> str | None:
    """Return the path of nginx, or None."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextlib.contextmanager
def in_front_of(url: str, folder: Path, changes: Mapping[str, str] | None = None) -> Iterator[str]:
    """
    Run nginx in front of the server at `url` for as long as the block runs; yields its own address.

    `changes`: lines of the bundled configuration, each with what stands in its place.
    """
    port = free_port()
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    for line, other in (changes or {}).items():
        assert line in site
        site = site.replace(line, other)
    site = site.replace("127.0.0.1:8000", url.removeprefix("http://"))
    (folder / "site.conf").write_text(site.replace("listen 80", f"listen 127.0.0.1:{port}"))
    (folder / "nginx.conf").write_text(FRAME.replace("{folder}", str(folder)))
    process = subprocess.Popen([binary(), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
