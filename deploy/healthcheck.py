"""Checks whether the server of this container is ready. If not, it prints the reason and exits with 1."""

import http.client
import os
import socket
import sys

SECONDS = 5


def main() -> int:
    """Ask at the address that gunicorn.conf.py binds to, and say what the answer was if it was not 200."""
    bind = os.environ.get("BIND", f"0.0.0.0:{os.environ.get('PORT', 8000)}")
    connection = connect(bind.split(",")[0])
    try:
        token = os.environ.get("METRICS_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", "/health/ready", headers=headers)
        answer = connection.getresponse()
        said = f"{answer.status} {answer.read().decode(errors='replace')}"
    except (OSError, http.client.HTTPException) as error:
        said = f"{type(error).__name__}: {error}"
    sys.stdout.write(f"{said.strip()}\n")
    return not said.startswith("200")


def connect(bind: str) -> http.client.HTTPConnection:
    """Return a connection, not yet opened, to `unix:/path` or to a port on this machine."""
    if not bind.startswith("unix:"):
        return http.client.HTTPConnection("127.0.0.1", int(bind.rpartition(":")[2]), timeout=SECONDS)
    connection = http.client.HTTPConnection("localhost", timeout=SECONDS)

    def open_socket() -> None:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(SECONDS)
        connection.sock.connect(bind.removeprefix("unix:"))

    connection.connect = open_socket  # type: ignore[method-assign]
    return connection


if __name__ == "__main__":
    sys.exit(main())
