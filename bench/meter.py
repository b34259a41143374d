"""What a server uses, with all its processes, and how busy the rest of the machine is meanwhile."""

import contextlib
import time
from collections.abc import Iterable, Iterator

import psutil

from . import machine


class Meter:
    """Reads one server; `helpers` are the other processes that work for the measurement."""

    def __init__(self, server: psutil.Process, helpers: Iterable[psutil.Process]) -> None:
        self._server = server
        self._helpers = [*helpers]
        self.most_elsewhere = 0.0

    def _processes(self) -> list[psutil.Process]:
        return [self._server, *self._server.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the CPU time that the server has used, its own and the kernel's for it."""
        return _cpu_seconds(self._processes())

    def memory_kib(self) -> float:
        """Return the server's memory, with what its processes share counted once (PSS)."""
        return sum(process.memory_full_info().pss for process in self._processes()) / 1024

    def threads(self) -> int:
        """Return how many threads the server has."""
        return sum(process.num_threads() for process in self._processes())

    @contextlib.contextmanager
    def watching_others(self) -> Iterator[None]:
        """Note in `most_elsewhere` the cores' worth of work that other programs did during the block."""
        began, before = time.monotonic(), self._elsewhere()
        yield
        cores = (self._elsewhere() - before) / (time.monotonic() - began)
        self.most_elsewhere = max(self.most_elsewhere, cores)

    def _elsewhere(self) -> float:
        return machine.busy_seconds() - self.cpu_seconds() - _cpu_seconds(self._helpers)


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    # The clocks that clock_getcpuclockid(3) returns, in nanoseconds; /proc counts in hundredths of a second.
    return sum(time.clock_gettime(~process.pid << 3 | 2) for process in processes)
