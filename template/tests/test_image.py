"""
The Dockerfile, built, and the image, run as in production.

Long tests: without a registry of images, a base is built first. The first run takes about four minutes, later
ones one.
"""

import contextlib
import gzip
import http.server
import json
import os
import re
import subprocess
import threading
import time
from contextlib import ExitStack

import httpx
import pytest

from apps.sse.tests.servers.streaming import Reader, events
from template.tests import image
from tests.fixtures import need
from tests.servers import ROOT, wait_until

pytestmark = pytest.mark.soak

# Of which the packages of django-allauth are 34: compiled cryptography is the largest.
MAX_ADDED_BYTES = 150 * 2**20


@pytest.fixture(scope="module")
def built():
    need(image.can_be_built(), "buildah, podman, runc and debootstrap, for root,")
    image.build()


@pytest.fixture
def container(built, tmp_path):
    container = image.Container(tmp_path)
    yield container
    container.remove()


@pytest.fixture(scope="module")
def files(built):
    """The paths of the image's files."""
    listed = image.podman(
        "run", "--rm", "--pull=never", "--network=none", "--user=0", image.NAME, "find", "/", "-xdev", "-type", "f"
    )
    return listed.splitlines()


def test_the_container_serves_as_its_own_user_with_a_read_only_root_and_no_capabilities(container):
    with container.serving(HTTPS="0", DASHBOARD_PUBLIC="1"):
        wait_until(container.is_healthy, 60)
        page = httpx.get(f"{container.url}/accounts/login/")
        assert page.status_code == 200
        style = re.search(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', page.text)[1]
        sent = httpx.get(container.url + style)
        assert (sent.status_code, sent.headers["content-encoding"]) == (200, "gzip")
        assert "immutable" in sent.headers["cache-control"]
        assert len(events(container.url, "/api/dashboard/stream/", 2)) == 2
        assert container.execute("id", "-u") == "10001"
        for place in ("/", "/app", "/venv", "/srv/static"):
            assert "Read-only" in container.execute("touch", f"{place}/file", fails=True)
        assert "NoNewPrivs:\t1" in container.execute("cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in container.execute("cat", "/proc/1/status")


def test_the_container_is_unhealthy_before_its_database_is_migrated(container):
    container.run(options=("--detach", "--name", container.name, "--env=HTTPS=0"))
    try:
        wait_until(lambda: answers(f"{container.url}/health/live") == 200, 60)
        assert answers(f"{container.url}/health/ready") == 503
        assert not container.is_healthy()
        container.execute("python", "manage.py", "migrate", "--verbosity=0")
        wait_until(container.is_healthy, 30)
    finally:
        image.podman("rm", "--force", "--time=1", container.name)


def answers(url):
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return None


def test_the_container_stops_promptly_and_its_streams_get_a_retry(container):
    with container.serving(HTTPS="0", DASHBOARD_PUBLIC="1"), ExitStack() as stack:
        wait_until(container.is_healthy, 60)
        reader = Reader(stack, container.url, "/api/dashboard/stream/")
        started = time.monotonic()
        image.podman("stop", "--time=30", container.name)
        assert time.monotonic() - started < 15
        assert b"retry:" in reader.rest()


def test_the_image_also_runs_the_task_worker_a_shell_and_checks(container):
    checked = container.run(
        *["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        options=("--env=ALLOWED_HOSTS=example.com",),
    )
    assert "no issues" in checked
    container.run("python", "manage.py", "migrate", "--verbosity=0")
    container.run("timeout", "--preserve-status", "5", "python", "manage.py", "db_worker", "--no-startup-delay")
    assert container.run("python", "manage.py", "shell", "--verbosity=0", "--command=print(6 * 7)") == "42"


def test_the_container_refuses_to_start_without_a_secret_key(container):
    printed = container.run("python", "manage.py", "check", options=("--env=SECRET_KEY=",), fails=True)
    assert "SECRET_KEY is not set" in printed


def test_an_image_with_sentrys_client_reports_errors_without_personal_data(built, tmp_path):
    name = "localhost/site:sentry"
    image.build(name, "--build-arg", "REQUIREMENTS=requirements-sentry.txt")
    container = image.Container(tmp_path, name)
    with sentry() as (address, received):
        settings = f"--env=SENTRY_DSN=http://key@{address}/1"
        code = "import logging; logging.getLogger('site').error('It broke')"
        container.run("python", "manage.py", "shell", f"--command={code}", options=(settings,))
    container.remove()
    (event,) = [line for line in received if line.get("logger") == "site"]
    assert event["logentry"]["message"] == "It broke"
    assert "user" not in event
    assert "server_name" in event, "the container's name, not a visitor's"


@contextlib.contextmanager
def sentry():
    """Run a stand-in for Sentry; yields its address and the lines of JSON that it receives."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            received.extend(json.loads(line) for line in body.splitlines())
            self.send_response(200)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", received
        server.shutdown()


def test_the_image_contains_no_tests_compiler_cache_or_state(files):
    assert len(files) > 1000
    ours = [path for path in files if path.startswith("/app/")]
    assert "/app/manage.py" in ours
    unwanted = (
        r"/tests?/|test_\w+\.py|conftest|/\.git|/\.venv|/\.data|/\.env|sqlite3$|secret_key|/docs/|node_modules"
    )
    assert [path for path in ours if re.search(unwanted, path)] == []
    assert [path for path in files if re.search(r"/(gcc|cc1|g\+\+|ld|make)$", path)] == []
    assert [path for path in files if re.search(r"^/(root/\.cache|tmp)/|^/venv/.*/pip/", path)] == []


def test_the_image_contains_compiled_python(files):
    compiled = {path for path in files if path.endswith(".pyc")}
    ours = [path for path in files if re.match(r"/(app|venv/lib)/.*\.py$", path) and "/app/deploy/" not in path]
    missing = [
        path for path in ours if re.sub(r"/([^/]+)\.py$", r"/__pycache__/\1.cpython-313.pyc", path) not in compiled
    ]
    assert [path for path in missing if "tpl" not in path] == []


def test_the_image_adds_at_most_150_mib(built):
    added = image.inspect(image.NAME)["Size"] - image.inspect(image.BASE)["Size"]
    print(f"{added / 2**20:.0f} MiB on top of the base")
    assert added < MAX_ADDED_BYTES


def test_the_images_configuration_has_no_secret_and_no_root_user(built):
    known = image.inspect(image.NAME)
    config = known["Config"]
    assert config["User"] == "10001"
    assert config["Cmd"] == ["gunicorn"]
    assert config["Labels"]["org.opencontainers.image.version"] not in ("", "unknown")
    assert known["Healthcheck"]["Test"] == ["CMD", "python", "deploy/healthcheck.py"]
    assert [variable for variable in config["Env"] if "SECRET" in variable or "PASSWORD" in variable] == []


def test_deploy_build_tags_the_image_with_its_version(built, tmp_path):
    environment = os.environ | {"DOCKER": str(image.docker(tmp_path / "docker"))}
    subprocess.run([ROOT / "deploy" / "build", "1.2.3"], env=environment, check=True)
    known = image.inspect("localhost/site:1.2.3")
    assert known["Config"]["Labels"]["org.opencontainers.image.version"] == "1.2.3"
    assert known["Healthcheck"]
