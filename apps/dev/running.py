"""The port of `manage.py dev` while it runs, for other commands."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

HOST = "127.0.0.1"
FILE = "dev.port"


@contextmanager
def announced(port: int) -> Iterator[None]:
    """Keep the port in `DATA_DIR` until the block is left."""
    file = settings.DATA_DIR / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(port))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def port() -> int | None:
    """Return the port at which `manage.py dev` serves this project, or None if it does not run."""
    try:
        number = int((settings.DATA_DIR / FILE).read_text())
    except (OSError, ValueError):
        return None
    # A process that was killed has left its file.
    return number if answers(number) else None


def answers(port: int) -> bool:
    """Return whether something listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
