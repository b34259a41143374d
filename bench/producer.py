"""Processes beside the server that publish, see `site/publish.py`."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from tests.servers import ROOT

from . import machine


@dataclass(frozen=True)
class Published:
    """What processes published: the number of events, the longest time, and their CPU seconds."""

    events: int
    seconds: float
    cpu: float


class Producers:
    """Processes with the environment of one site."""

    def __init__(self, environment: dict[str, str], count: int, cores: Iterable[int]) -> None:
        command = [sys.executable, "-m", "bench.site.publish"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with machine.on_cores(cores):
            self._started = [subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) for _ in range(count)]
        self.processes = [psutil.Process(process.pid) for process in self._started]

    def close(self) -> None:
        """End the processes."""
        for process in self._started:
            process.kill()
            process.communicate()

    def publish(self, *order: object) -> Published:
        """Give all processes an order of `site/publish.py`, and return what they did."""
        self.begin(*order)
        return self.finish()

    def begin(self, *order: object) -> None:
        """Give all processes an order; `finish()` returns what they did."""
        for process in self._started:
            process.stdin.write(" ".join(map(str, order)) + "\n")
            process.stdin.flush()

    def position(self) -> str:
        """Return the newest position in the log."""
        self.begin("position")
        return next(map(self._answer, self._started))["position"]

    def finish(self) -> Published:
        """Wait for the end of the order that was begun."""
        answers = [self._answer(process) for process in self._started]
        return Published(
            events=sum(answer["events"] for answer in answers),
            seconds=max(answer["seconds"] for answer in answers),
            cpu=sum(answer["cpu"] for answer in answers),
        )

    @staticmethod
    def _answer(process: subprocess.Popen) -> dict[str, Any]:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("A process that publishes ended.")
        return json.loads(line)


@contextlib.contextmanager
def producing(
    environment: dict[str, str], count: int = 1, cores: Iterable[int] = (machine.CLIENT_CORE,)
) -> Iterator[Producers]:
    """Run processes that publish while the block runs; they are ready when it begins."""
    producers = Producers(environment, count, cores)
    try:
        producers.publish("bulk", "ready", 1)
        yield producers
    finally:
        producers.close()
