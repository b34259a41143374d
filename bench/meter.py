"""The resources that a server and its processes use, and the load of other programs."""

import contextlib
import time
from collections.abc import Iterable, Iterator

import psutil

from . import machine


class Meter:
    """Measures one server; `helpers` are the other processes of the measurement."""

    def __init__(self, server: psutil.Process, helpers: Iterable[psutil.Process]) -> None:
        self._server = server
        self._helpers = [*helpers]
        self.max_other_load = 0.0

    def _processes(self) -> list[psutil.Process]:
        return [self._server, *self._server.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that the server has used, in user and kernel mode."""
        return _cpu_seconds(self._processes())

    def memory_kib(self) -> float:
        """Return the server's memory in KiB, with shared pages counted once (PSS)."""
        return sum(process.memory_full_info().pss for process in self._processes()) / 1024

    def threads(self) -> int:
        """Return the number of the server's threads."""
        return sum(process.num_threads() for process in self._processes())

    @contextlib.contextmanager
    def measuring_other_load(self) -> Iterator[None]:
        """Measure the load of other programs during the block, in cores; `max_other_load` keeps the maximum."""
        began, before = time.monotonic(), self._other_seconds()
        yield
        cores = (self._other_seconds() - before) / (time.monotonic() - began)
        self.max_other_load = max(self.max_other_load, cores)

    def _other_seconds(self) -> float:
        return machine.busy_seconds() - self.cpu_seconds() - _cpu_seconds(self._helpers)


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    # The clocks of clock_getcpuclockid(3) have nanoseconds; /proc has hundredths of a second.
    return sum(time.clock_gettime(~process.pid << 3 | 2) for process in processes)
