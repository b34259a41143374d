"""
The site as compose runs it, without Docker: compose uses podman's Docker-compatible API.

Not every machine can pull the images of nginx, PostgreSQL and Valkey: `template/image stand-ins` builds
replacements from Debian's packages.
"""

import contextlib
import os
import re
import resource
import secrets
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import httpx
from httpx_sse import connect_sse

from template.tests import image
from tests.servers import ROOT, free_port, wait_until

PASSWORD = "correct horse battery"


def can_be_run() -> bool:
    """Return whether this machine has the programs for it."""
    return image.can_be_built() and bool(shutil.which("docker-compose"))


class Site:
    """A site in temporary folders, with its own copy of `deploy`."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder = folder
        # Networks belong to the machine: another run must not share them.
        self.project = f"site-{secrets.token_hex(4)}"
        self.secure_port = free_port()
        self.url = f"https://127.0.0.1:{self.secure_port}"
        open_files = str(min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self._environment = os.environ | {
            "DOCKER_HOST": f"unix://{socket}",
            "COMPOSE": "docker-compose",
            "COMPOSE_PROJECT_NAME": self.project,
            "DOCKER": f"{image.SCRIPT} podman --log-level=error",
            "CERTBOT_IMAGE": "localhost/certbot:test",
            "NGINX_IMAGE": "localhost/nginx:test",
            "POSTGRES_IMAGE": "localhost/postgres:test",
            "VALKEY_IMAGE": "localhost/valkey:test",
            "HTTP_PORT": f"127.0.0.1:{free_port()}",
            "HTTPS_PORT": f"127.0.0.1:{self.secure_port}",
            "NOFILE": open_files,
            "NGINX_NOFILE": open_files,
        }

    def run(self, script: str, *arguments: str, fails: bool = False, **variables: str) -> str:
        """Run a script of `deploy`, check whether it `fails`, and return its output."""
        command = [str(self.folder / script), *arguments]
        return self._run(command, fails=fails, variables=variables, stderr=subprocess.STDOUT).decode()

    def start(self, script: str, *arguments: str, **options) -> subprocess.Popen:
        """Start a script of `deploy`."""
        return subprocess.Popen([str(self.folder / script), *arguments], env=self._environment, **options)

    def up(self) -> None:
        """Start the site, or deploy it again."""
        self.run("up", "test")

    def compose(self, *arguments: str, **options) -> bytes:
        """Run a command of compose and return its output."""
        return self._run(["docker-compose", *arguments], **options)

    def choose(self, files: str) -> None:
        """Select the files that compose reads from now on."""
        settings = self.folder / ".env"
        settings.write_text(re.sub("COMPOSE_FILE=.*", f"COMPOSE_FILE={files}", settings.read_text()))

    def shell(self, code: str) -> str:
        """Run Python in the first web server and return the last line of its output."""
        command = ["exec", "-T", "web-1", "python", "manage.py", "shell", "--verbosity=0", f"--command={code}"]
        return self.compose(*command).decode().strip().rpartition("\n")[2]

    def publish(self) -> str:
        """Publish an event on the channel of the feed and return its position."""
        command = ["exec", "-T", "web-2", "python", "manage.py", "sse_publish", "feed", "said", "something"]
        return self.compose(*command).decode().strip()

    def container(self, service: str) -> dict:
        """Return podman's description of a service's container."""
        return image.inspect(f"{self.project}-{service}-1")

    def health(self, service: str) -> str:
        """Return the health of a service's container."""
        return self.container(service)["State"]["Health"]["Status"]

    def visitor(self) -> httpx.Client:
        """Return an HTTP client that accepts the self-signed certificate."""
        return httpx.Client(base_url=self.url, verify=False, timeout=30, follow_redirects=True)

    def _run(self, command, fails=False, variables=None, **options) -> bytes:
        environment = self._environment | (variables or {})
        done = subprocess.run(
            command, cwd=self.folder, env=environment, timeout=300, check=False,
            **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
        )  # fmt: skip
        assert (done.returncode != 0) == fails, (command, done.stdout[-5000:], done.stderr)
        return done.stdout


@contextlib.contextmanager
def site(folder: Path):
    """Yield a site that is not running yet; remove its containers and volumes at the end."""
    image.build()
    subprocess.run([image.SCRIPT, "stand-ins"], check=True, capture_output=True)
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns(".env", "tls", "backups"))
    subprocess.run([folder / "deploy" / "init", "127.0.0.1"], stdin=subprocess.DEVNULL, check=True)
    made = Site(folder / "deploy", folder / "podman.sock")
    with serving_docker(folder / "podman.sock"):
        try:
            yield made
        finally:
            made.choose("compose.yml")
            # It may have no release yet.
            made.compose(
                "down", "--volumes", "--remove-orphans", "--timeout", "5", variables={"IMAGE": image.NAME}
            )


@contextlib.contextmanager
def serving_docker(socket: Path):
    """Serve podman's API, and run the health checks that systemd's timers would run."""
    command = [image.SCRIPT, "podman", "system", "service", "--time=0", f"unix://{socket}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as service:
        is_over = threading.Event()
        watching = threading.Thread(target=watch_health, args=(is_over,))
        try:
            wait_until(socket.exists)
            watching.start()
            yield
        finally:
            is_over.set()
            watching.join()
            service.terminate()


def watch_health(is_over: threading.Event) -> None:
    """Run the health check of each container that is starting."""
    while not is_over.wait(1):
        for id in image.podman("ps", "--filter=health=starting", "--quiet").split():
            command = [image.SCRIPT, "podman", "healthcheck", "run", id]
            subprocess.run(command, capture_output=True, check=False)


def sign_in(visitor: httpx.Client, name: str, password: str = PASSWORD) -> None:
    """Log in through the form."""
    visitor.get("/accounts/login/")
    form = {"login": name, "password": password, "csrfmiddlewaretoken": visitor.cookies["csrftoken"]}
    answer = visitor.post("/accounts/login/", data=form, headers={"Referer": str(visitor.base_url)})
    assert answer.url.path == "/", answer.text


class Listener(threading.Thread):
    """A client that follows a stream and reconnects when it ends; `received` are its events, including resets."""

    def __init__(self, visitor: httpx.Client, path: str) -> None:
        super().__init__(daemon=True)
        self.visitor, self.path = visitor, path
        self.received: list = []
        self.is_over = threading.Event()
        self.last_id = ""

    def run(self) -> None:
        while not self.is_over.wait(0.3):
            headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
            with (
                contextlib.suppress(httpx.HTTPError),
                connect_sse(self.visitor, "GET", self.path, headers=headers) as source,
            ):
                source.response.raise_for_status()
                for event in source.iter_sse():
                    self.last_id = event.id or self.last_id
                    self.received.append(event)

    def names(self) -> list[str]:
        """Return the names of the received events, without those that only carry a position."""
        return [event.event for event in self.received if event.data and event.event != "sse:open"]

    def stop(self) -> None:
        """Disconnect."""
        self.is_over.set()
        self.visitor.close()


@contextlib.contextmanager
def visiting(url: str):
    """Request a page repeatedly while the block runs; yields the count of each status."""
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
