"""
Checks whether the server of this container is ready. If not, it prints the reason and exits with 1.

deploy/healthcheck.py [SECONDS]: tries again for SECONDS (default: 0).
"""

import http.client
import os
import socket
import sys
import time

TIMEOUT_SECONDS = 5


class Connection(http.client.HTTPConnection):
    """A connection to the address that gunicorn.conf.py binds to: a socket, or a port of this machine."""

    def connect(self) -> None:
        bind = os.environ.get("BIND", f":{os.environ.get('PORT', 8000)}").split(",")[0]
        path = bind.removeprefix("unix:")
        self.sock = socket.socket(socket.AF_INET if path == bind else socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(("127.0.0.1", int(bind.rpartition(":")[2])) if path == bind else path)


def check() -> str:
    """Return the status and text of /health/ready, or the error."""
    token = os.environ.get("METRICS_TOKEN")
    connection = Connection("localhost")
    try:
        connection.request("GET", "/health/ready", headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return f"{answer.status} {answer.read().decode(errors='replace').strip()}"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    deadline = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else 0)
    while not (result := check()).startswith("200") and time.monotonic() < deadline:
        time.sleep(0.1)
    sys.stdout.write(f"{result}\n")
    sys.exit(not result.startswith("200"))
