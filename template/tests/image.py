"""The image, built and run without Docker by `template/image`."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers import ROOT, free_port

SCRIPT = ROOT / "template" / "image"
IMAGES = Path(os.environ.get("IMAGES", ROOT / ".data" / "images"))
NAME = "localhost/site:test"
BASE = "docker.io/library/python:3.13-slim-trixie"
PROGRAMS = ("buildah", "podman", "runc", "debootstrap")
# The options of production; containers share this machine's network and bind to the loopback.
CONFINED = [
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=host",
    "--pull=never",
]


def can_be_built() -> bool:
    """Return whether this machine can build the image."""
    return os.geteuid() == 0 and all(shutil.which(program) for program in PROGRAMS)


def build(name: str = NAME, *options: str) -> None:
    """Build the image; unchanged layers come from the cache."""
    command = [SCRIPT, "build", name, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def docker(file: Path) -> Path:
    """Write and return a stand-in for `docker` that builds from the local base image."""
    file.write_text(f"""#!/bin/sh
export CONTAINERS_STORAGE_CONF={IMAGES}/storage.conf CONTAINERS_CONF={IMAGES}/containers.conf
shift
exec podman --log-level=error build --format=docker --isolation=chroot --pull=never \\
    --build-arg PYTHON_IMAGE={BASE} "$@"
""")
    file.chmod(0o755)
    return file


def derive(version: str, folder: Path, *instructions: str) -> None:
    """Build `localhost/site:<version>` from the image, with more instructions and the files of a folder."""
    text = "\n".join([f"FROM {NAME}", "USER 0", *instructions, "USER 10001"])
    (folder / "Dockerfile").write_text(text)
    options = ("--quiet", "--format=docker", "--isolation=chroot", "--pull=never")
    podman("build", *options, "--tag", f"localhost/site:{version}", str(folder))


def podman(*arguments: str, fails: bool = False) -> str:
    """Run podman, check whether it `fails`, and return its output."""
    command = [str(SCRIPT), "podman", "--log-level=error", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode != 0) == fails, (command, done.stdout, done.stderr)
    return done.stdout.strip() if not fails else done.stdout + done.stderr


def inspect(name: str) -> dict:
    """Return podman's description of an image or a container."""
    return json.loads(podman("inspect", name))[0]


class Container:
    """A container of the image, whose state is in the volume `volume`."""

    def __init__(self, folder: Path, image: str = NAME) -> None:
        self.image = image
        self.name = f"site-{secrets.token_hex(4)}"
        self.volume = f"{self.name}-data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        variables = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ALLOWED_HOSTS": "127.0.0.1",
            "BIND": f"127.0.0.1:{self.port}",
            "WEB_CONCURRENCY": "2",
        }
        self._file = folder / f"{self.name}.env"
        self._file.write_text("".join(f"{key}={value}\n" for key, value in variables.items()))

    def run(self, *command: str, options: tuple[str, ...] = (), fails: bool = False) -> str:
        """Run a command of the image; with `--detach` among the options in the background."""
        given = ["--env-file", str(self._file), "--volume", f"{self.volume}:/data", *options]
        return podman("run", "--rm", *CONFINED, *given, self.image, *command, fails=fails)

    @contextlib.contextmanager
    def serving(self, **variables: str) -> Iterator[None]:
        """Migrate, and serve while the block runs."""
        self.run("python", "manage.py", "migrate", "--verbosity=0")
        extra = [f"--env={name}={value}" for name, value in variables.items()]
        self.run(options=("--detach", "--name", self.name, *extra))
        try:
            yield
        finally:
            podman("rm", "--force", "--ignore", "--time=1", self.name)

    def execute(self, *command: str, fails: bool = False) -> str:
        """Run a command in the container that serves."""
        return podman("exec", self.name, *command, fails=fails)

    def is_healthy(self) -> bool:
        """Run the image's own health check."""
        command = [str(SCRIPT), "podman", "healthcheck", "run", self.name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def remove(self) -> None:
        """Remove its volume."""
        podman("volume", "rm", "--force", self.volume)
