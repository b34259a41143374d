"""
The site as compose runs it: valid as a whole, and with SQLite really run, deployed again, and left by nobody.

The images of nginx, PostgreSQL and Valkey cannot be had everywhere: a Debian with nginx stands for the
first, and the variant with the others is only checked.
"""

import contextlib
import os
import resource
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter

import pytest

from tests import image
from tests.conftest import need
from tests.servers import ROOT, free_port

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("image")]


@pytest.fixture
def folder(tmp_path):
    """A copy of deploy/, with keys and a certificate of its own."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns(".env", "tls"))
    subprocess.run([tmp_path / "deploy" / "init", "127.0.0.1"], check=True)
    return tmp_path / "deploy"


def test_init_makes_secrets_that_only_the_owner_reads_and_leaves_them_as_they_are(folder):
    made = (folder / ".env").read_text()
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    secrets = [line.partition("=")[2] for line in made.splitlines()[1:]]
    assert len(set(secrets)) == 4
    assert min(map(len, secrets)) >= 50
    subprocess.run([folder / "init", "127.0.0.1"], check=True)
    assert (folder / ".env").read_text() == made


@pytest.mark.parametrize("name", ["compose.yml", "compose.sqlite.yml"])
def test_the_files_are_valid_and_start_with_no_password_missing(folder, name):
    need(shutil.which("docker-compose"), "docker-compose")
    check = ["docker-compose", "--file", str(folder / name), "config", "--quiet"]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    (folder / ".env").write_text("ALLOWED_HOSTS=example.com\n")
    bare = {"PATH": os.environ["PATH"]}
    done = subprocess.run(check, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "run deploy/init first" in done.stderr


def test_the_site_runs_on_sqlite_and_a_deploy_is_felt_by_nobody(folder):
    need(
        image.can_be_built() and shutil.which("podman-compose"), "buildah, podman, podman-compose and debootstrap"
    )
    image.build()
    subprocess.run([ROOT / "bin" / "image", "nginx"], check=True)
    port, secure_port = free_port(), free_port()
    most = str(min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    environment = os.environ | {
        "DEPLOY": str(folder),
        "HTTP_PORT": f"127.0.0.1:{port}",
        "HTTPS_PORT": f"127.0.0.1:{secure_port}",
        "NOFILE": most,
        "NGINX_NOFILE": most,
        "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
    }
    up = [str(ROOT / "bin" / "image"), "deploy", "--sqlite"]
    try:
        subprocess.run(up, env=environment, check=True, timeout=300)
        page = f"https://127.0.0.1:{secure_port}/accounts/login/"
        with visiting(page) as answers:
            subprocess.run(up, env=environment, check=True, timeout=300)
        print(dict(answers))
        assert set(answers) == {200}
        assert answers[200] > 50
    finally:
        for name in ("nginx", "worker", "web-2", "web-1", "migrate"):
            image.podman("rm", "--force", "--ignore", "--depend", "--time=5", f"site_{name}_1")
        image.podman("volume", "rm", "--force", "site_data", "site_sockets")
        image.podman("network", "rm", "--force", "site_default")


@contextlib.contextmanager
def visiting(url):
    """Ask for a page again and again for as long as the block runs; yields what was answered."""
    answers, is_over = Counter(), threading.Event()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def visit():
        while not is_over.is_set():
            try:
                answers[urllib.request.urlopen(url, context=context, timeout=30).status] += 1
            except urllib.error.HTTPError as error:
                answers[error.code] += 1
            except OSError as error:
                answers[repr(error)] += 1
            time.sleep(0.05)

    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield answers
    is_over.set()
    for thread in threads:
        thread.join()
