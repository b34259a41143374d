"""The compared packages, in a virtual environment of their own on top of the locked packages."""

import functools
import shutil
import subprocess
import sys

from tests.servers import ROOT

PEERS = ["django-eventstream>=5,<6", "sse-starlette>=3,<4"]
FOLDER = ROOT / ".data" / "bench"
PYTHON = FOLDER / "bin" / "python"


@functools.cache
def install() -> str:
    """Install `PEERS` for `PYTHON` if they are missing; return the reason of a failure, or ""."""
    wanted = "\n".join([(ROOT / "requirements.txt").read_text(), *PEERS])
    ready = FOLDER / "ready"
    if ready.exists() and ready.read_text() == wanted:
        return ""
    try:
        _make()
    except subprocess.CalledProcessError as error:
        return f"could not install {' '.join(PEERS)}: {error.stderr.strip().splitlines()[-1]}"
    ready.write_text(wanted)
    return ""


def _make() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(sys.executable, "-m", "venv", str(FOLDER))
    _run(*pip, "--require-hashes", "-r", str(ROOT / "requirements.txt"))
    _run(*pip, *PEERS)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
