"""The load client `client.c`, which opens many streams and counts their events."""

import contextlib
import shutil
import subprocess
from pathlib import Path

import psutil

from .serving import Target

SOURCE = Path(__file__).parent / "client.c"
# Occurs once in each event, at the end of its data, and nowhere else in a response.
MARK = "~"
TIMEOUT_SECONDS = 180


class Lost(Exception):
    """Streams or events are missing, or there are more events than were published."""


def compiled(folder: Path) -> Path:
    """Compile the load client into `folder` and return it. Raises `RuntimeError` without a compiler."""
    if shutil.which("cc") is None:
        raise RuntimeError("The load client is in C, and there is no cc: install gcc and libc6-dev.")
    subprocess.run(["cc", "-O2", "-o", folder / "client", SOURCE], check=True)
    return folder / "client"


class Crowd:
    """`size` clients of one server, which should have received `expected` events in total."""

    def __init__(self, program: Path, target: Target) -> None:
        head = f"GET /ticks/ HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nAccept: text/event-stream\r\n"
        head += f"Cookie: {target.cookies}\r\n\r\n" if target.cookies else "\r\n"
        command = [program, str(target.port), head, MARK]
        self._client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process = psutil.Process(self._client.pid)
        self.size = self.expected = 0

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *error: object) -> None:
        self._client.kill()
        self._client.communicate()

    def grow(self, size: int) -> None:
        """Open streams until there are `size`, and reset the count. Raises `Lost` if one is refused."""
        self.size = size
        streams, self.expected = self._ask(events=0)
        if streams != size:
            raise Lost(f"Of {size} streams {streams} opened within {TIMEOUT_SECONDS} s.")

    def expect(self) -> None:
        """Expect one more event in each stream."""
        self.expected += self.size

    def missing(self, patience: float = TIMEOUT_SECONDS) -> int:
        """Return the number of events still missing after `patience` seconds; negative for surplus events."""
        return self.expected - self._ask(self.expected, patience)[1]

    def _ask(self, events: int, patience: float = TIMEOUT_SECONDS) -> tuple[int, int]:
        # If the client has failed, its reason is read below.
        with contextlib.suppress(BrokenPipeError):
            self._client.stdin.write(f"{self.size} {events} {patience * 1000:.0f}\n")
            self._client.stdin.flush()
        answer = self._client.stdout.readline()
        if not answer[:1].isdigit():
            raise Lost(answer.strip().removeprefix("failed: ") or "The load client ended.")
        streams, events = answer.split()
        return int(streams), int(events)
