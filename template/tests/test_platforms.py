"""The three commands of the Procfile, on a platform that gives a port, a database and a router."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from apps.sse.tests.servers.streaming import events
from tests import servers
from tests.servers import ROOT, wait_until

COMMANDS = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
SECTION = (ROOT / "docs" / "operations.md").read_text().split("### Platforms")[1].split("###")[0]
SETTINGS = dict(line.split("=", 1) for line in re.findall(r"^[A-Z_]+=.*", SECTION, re.MULTILINE))
ID = "0123456789abcdef0123456789abcdef"
STREAM = "/api/home/stream/"


@pytest.fixture
def environment(postgres, tmp_path):
    """The environment of the platform's processes: documented settings, a port, a database, an empty disk."""
    kept = {name: os.environ[name] for name in ("LANG", "HOME") if name in os.environ}
    given = {"PORT": str(servers.free_port()), "DATABASE_URL": postgres.url, "DATA_DIR": str(tmp_path)}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # The test's router connects from the loopback. Each process counts its own streams.
    networks = SETTINGS["FORWARDED_ALLOW_IPS"] + ",127.0.0.0/8"
    changed = {"FORWARDED_ALLOW_IPS": networks, "SSE_MAX_PER_ADDRESS": "1", "WEB_CONCURRENCY": "1"}
    changed["EMAIL_URL"] = "consolemail://"
    return SETTINGS | kept | given | {"PATH": programs} | changed


@contextlib.contextmanager
def running(name, environment, log):
    """Run a command of the Procfile while the block runs, with its output in `log`."""
    with log.open("w") as out:
        command = shlex.split(COMMANDS[name])
        program = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        yield program
        assert program.poll() is None, log.read_text()
    finally:
        program.terminate()
        program.wait(servers.TIMEOUT_SECONDS)


def routed(visitor="203.0.113.9", **more):
    """Return the headers that a router forwards for a visitor who sent a forged X-Forwarded-For."""
    return {
        "Host": SETTINGS["ALLOWED_HOSTS"],
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": f"192.0.2.66, {visitor}",
        "X-Request-ID": ID,
        **more,
    }


def test_a_platform_that_gives_a_port_and_a_database_runs_the_site(environment, tmp_path):
    for command in ("python manage.py collectstatic --noinput", COMMANDS["release"]):
        subprocess.run(shlex.split(command), cwd=ROOT, env=environment, check=True, capture_output=True)
    url = f"http://127.0.0.1:{environment['PORT']}"
    log, worker_log = tmp_path / "web.log", tmp_path / "worker.log"
    with running("web", environment, log) as web, httpx.Client(base_url=url, headers=routed()) as client:
        wait_until(lambda: is_ready(url) or web.poll() is not None, servers.TIMEOUT_SECONDS)
        page = client.get("/accounts/password/reset/")
        assert (page.status_code, page.headers["X-Request-ID"]) == (200, ID), log.read_text()
        [sheet] = re.findall(r'href="(/static/site\.[^"]+\.css)"', page.text)
        assert client.get(sheet).status_code == 200
        plain = client.get("/accounts/password/reset/", headers={"X-Forwarded-Proto": "http"})
        assert (plain.status_code, plain.headers["Location"]) == (
            301,
            "https://example.com/accounts/password/reset/",
        )

        # The client uses plain HTTP and so ignores secure cookies.
        token = page.cookies["csrftoken"]
        form = {"email": "ada@example.com", "csrfmiddlewaretoken": token}
        headers = {"Referer": "https://example.com/", "Cookie": f"csrftoken={token}"}
        assert client.post("/accounts/password/reset/", data=form, headers=headers).is_redirect
        with running("worker", environment, worker_log):
            wait_until(lambda: "SUCCESSFUL" in worker_log.read_text(), servers.TIMEOUT_SECONDS)

        with client.stream("GET", STREAM) as stream:
            assert stream.status_code == 200
            assert len(events(url, STREAM, 1, **routed("203.0.113.10"))) == 1
            with client.stream("GET", STREAM, headers={"X-Forwarded-For": "192.0.2.67, 203.0.113.9"}) as again:
                assert again.status_code == 429, "a visitor counts by the address that the router saw"
    assert not (tmp_path / "db.sqlite3").exists()


def is_ready(url):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/ready").status_code == 200
