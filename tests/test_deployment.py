"""The project in production: gunicorn on a socket behind the bundled nginx."""

import itertools
import re
import secrets
import subprocess
import sys

import httpx
import pytest

from tests import nginx, servers
from tests.fixtures import need

# The headers of a proxy that terminates TLS.
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
TRUSTED = {"http.d/proxies.conf": "set_real_ip_from 127.0.0.0/8;"}


@pytest.fixture(scope="module")
def deployed(migrated, tmp_path_factory):
    """nginx in front of the site."""
    need(nginx.binary(), "nginx")
    folder = tmp_path_factory.mktemp("deployed")
    servers.copy_database(migrated, folder)
    socket = folder / "web.sock"
    environment = servers.environment_for(
        folder, DEBUG="0", ALLOWED_HOSTS="127.0.0.1", SECRET_KEY=secrets.token_urlsafe(50), BEHIND_PROXY="1",
        BIND=f"unix:{socket}", WEB_CONCURRENCY="1", STATIC_ROOT=str(folder / "site" / "static"),
    )  # fmt: skip
    servers.manage("collectstatic", "--noinput", "--verbosity", "0", environment=environment)
    with subprocess.Popen([sys.executable, "-m", "gunicorn"], cwd=servers.ROOT, env=environment) as gunicorn:
        try:
            servers.wait_until(socket.exists, servers.TIMEOUT_SECONDS)
            with nginx.running([f"unix:{socket}"] * 2, folder, extra=TRUSTED) as proxy:
                yield proxy
        finally:
            gunicorn.terminate()


def test_pages_require_https(deployed):
    plain = httpx.get(f"{deployed.url}/accounts/login/")
    assert (plain.status_code, plain.headers["Location"][:8]) == (301, "https://")
    page = httpx.get(f"{deployed.url}/accounts/login/", headers=HTTPS)
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=3600"
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]


def test_nginx_serves_static_files_compressed_and_cacheable(deployed):
    page = httpx.get(f"{deployed.url}/accounts/login/", headers=HTTPS)
    sheet = httpx.get(deployed.url + re.search(r'href="(/static/site\.[^"]+\.css)"', page.text)[1])
    assert (sheet.status_code, sheet.headers["Content-Encoding"]) == (200, "gzip")
    assert sheet.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_nginx_compresses_pages_and_does_not_buffer_events(deployed):
    assert httpx.get(f"{deployed.url}/accounts/login/", headers=HTTPS).headers["Content-Encoding"] == "gzip"
    headers = HTTPS | {"Accept-Encoding": "gzip"}
    with httpx.stream("GET", f"{deployed.url}/api/home/stream/", headers=headers, timeout=10) as stream:
        beats = (line for line in stream.iter_lines() if line == "event: beat")
        assert len([*itertools.islice(beats, 2)]) == 2


def test_a_large_request_is_refused_with_a_page(deployed):
    refused = httpx.post(deployed.url, content=b"x" * 2**21)
    assert refused.status_code == 413
    assert "This request is larger than the site accepts." in refused.text


def test_only_nginxs_group_may_connect_to_gunicorn(deployed):
    assert oct((deployed.folder / "web.sock").stat().st_mode & 0o777) == "0o770"
