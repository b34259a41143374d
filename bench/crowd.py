"""The load client in `client/`, which opens many streams, counts their events and measures their latency."""

import contextlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from .serving import Target

SOURCES = Path(__file__).parent / "client"
# Occurs once in each event, at the end of its data, and nowhere else in a response.
MARK = "~"
TIMEOUT_SECONDS = 60
OPENING_SECONDS = 120
# The load client replaces it by the number of the stream.
NUMBER = "NUMBER"


class Lost(Exception):
    """Streams or events are missing, or there are more events than were published."""


@dataclass(frozen=True)
class Counts:
    """
    The counts of the load client since its start; the latencies in ms since it was last told to forget them.

    `refused` are answers other than 200, of which `hurried` had no `Retry-After`, and `refused_again` were
    not the first since the stream ended. `unreachable` are attempts without an answer, `given_up` those that
    had none for ten seconds. `disordered` events came twice or too late.
    """

    open: int
    events: int
    bytes: int
    disordered: int
    ended: int
    last_ended_at: int
    unreachable: int
    given_up: int
    refused: int
    hurried: int
    refused_again: int
    median: float
    p99: float


def compiled(folder: Path) -> Path:
    """Compile the load client into `folder` and return it. Raises `RuntimeError` without a compiler."""
    if shutil.which("cc") is None:
        raise RuntimeError("The load client is in C, and there is no cc: install gcc and libc6-dev.")
    subprocess.run(["cc", "-O2", "-o", folder / "client", *SOURCES.glob("*.c")], check=True)
    return folder / "client"


class Crowd:
    """
    Clients of a target's servers in turn, which should have received `expected` events in total.

    They request `path`, in which `NUMBER` is the number of the stream, with additional `headers`. Each
    stream in `slow` reads slowly and does not count. With `retry` streams that end come back, and with
    `resume` they send the id of their newest event. At most `at_once` new streams wait for an answer.
    """

    def __init__(
        self,
        program: Path,
        target: Target,
        path: str = "/ticks/",
        headers: tuple[str, ...] = (),
        slow: int = 0,
        retry: bool = False,
        resume: bool = False,
        at_once: int = 16,
    ) -> None:
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: text/event-stream"]
        head = "\r\n".join([*lines, *target.headers, *headers, "", ""])
        options = [f"slow={slow}", f"retry={int(retry)}", f"resume={int(resume)}", f"at_once={at_once}"]
        server, hosts = target.server, f"hosts={len(target.servers)}"
        command = [program, server.host.address, str(server.port), head, MARK, hosts, *options]
        self._client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process = psutil.Process(self._client.pid)
        self._slow = slow
        self.size = self.expected = 0

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *error: object) -> None:
        self._client.kill()
        self._client.communicate()

    @property
    def receivers(self) -> int:
        """The number of streams whose events count."""
        return self.size - (self.size // self._slow if self._slow else 0)

    def grow(self, size: int) -> None:
        """Open streams until there are `size`, and reset the count. Raises `Lost` if one is refused."""
        self.size = size
        counts = self.wait(streams=size, patience=OPENING_SECONDS)
        self.expected = counts.events
        if counts.open < size:
            raise Lost(f"Of {size} streams {counts.open} opened within {OPENING_SECONDS} s.")

    def expect(self, events: int | None = None) -> None:
        """Expect some more events, by default one in each stream."""
        self.expected += self.receivers if events is None else events

    def missing(self, patience: float = TIMEOUT_SECONDS) -> int:
        """Return the number of events still missing after `patience` seconds; negative for surplus events."""
        counts = self.wait(events=self.expected, patience=patience)
        if counts.disordered:
            raise Lost(f"{counts.disordered} events came twice or in the wrong order.")
        return self.expected - counts.events

    def wait(self, streams: int = 0, events: int = 0, patience: float = TIMEOUT_SECONDS) -> Counts:
        """Return the counts when so many streams are open and events have come, or after `patience` seconds."""
        return Counts(**self._ask(f"wait {streams or self.receivers} {events} {patience * 1000:.0f}"))

    def forget_latencies(self) -> None:
        """Measure latencies from now on."""
        self._ask("forget")

    def counts(self) -> Counts:
        """Return the counts now."""
        return self.wait(patience=0)

    def opening_times(self) -> list[int]:
        """Return the time at which each stream was last opened, in milliseconds of the monotonic clock."""
        return self._ask("times")

    def _ask(self, question: str):
        # If the client has failed, its reason is read below.
        with contextlib.suppress(BrokenPipeError):
            self._client.stdin.write(f"{question}\n")
            self._client.stdin.flush()
        answer = json.loads(self._client.stdout.readline() or '{"failed": "the load client ended"}')
        if "failed" in answer:
            raise Lost(f"The load client failed: {answer['failed']}.")
        return answer
