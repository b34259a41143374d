"""The resources that a server and its processes use, and the load of other programs."""

import contextlib
import time
from collections.abc import Iterable, Iterator

import psutil

from . import machine
from .serving import Server


class Meter:
    """Measures the servers together; `helpers` are the other processes of the measurement."""

    def __init__(self, servers: Iterable[Server], helpers: Iterable[psutil.Process]) -> None:
        self._servers, self._helpers = [*servers], [*helpers]
        self.max_other_load = 0.0

    def _processes(self) -> list[psutil.Process]:
        return with_children([server.process for server in self._servers])

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that the servers have used, in user and kernel mode."""
        return _cpu_seconds(self._processes())

    def memory_kib(self) -> float:
        """Return the servers' memory in KiB, with shared pages counted once (PSS)."""
        return sum(process.memory_full_info().pss for process in self._processes()) / 1024

    def threads(self) -> int:
        """Return the number of the servers' threads."""
        return sum(process.num_threads() for process in self._processes())

    def add_helpers(self, *processes: psutil.Process) -> None:
        """Count these processes to the measurement, too."""
        self._helpers += processes

    @contextlib.contextmanager
    def measuring_other_load(self) -> Iterator[None]:
        """Measure the load of other programs during the block, in cores; `max_other_load` keeps the maximum."""
        began, before = time.monotonic(), self._other_seconds()
        yield
        cores = (self._other_seconds() - before) / (time.monotonic() - began)
        self.max_other_load = max(self.max_other_load, cores)

    def _other_seconds(self) -> float:
        return machine.busy_seconds() - self.cpu_seconds() - _cpu_seconds(with_children(self._helpers))


def with_children(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return these processes and those that they started; the children of this process are others' business."""
    own = psutil.Process()
    found = [*processes]
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += each.children(recursive=True) if each != own else []
    return [*dict.fromkeys(found)]


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(map(_seconds_of, processes))


def _seconds_of(process: psutil.Process) -> float:
    # The clocks of clock_getcpuclockid(3) have nanoseconds; /proc has hundredths of a second.
    try:
        return time.clock_gettime(~process.pid << 3 | 2)
    except OSError:  # It has ended.
        return 0
