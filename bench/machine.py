"""This machine: its cores, its kind, its limit of open files, and its load."""

import contextlib
import os
import platform
import re
import resource
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]


@contextlib.contextmanager
def on_cores(cores: Iterable[int]) -> Iterator[None]:
    """Pin this thread, and the processes that it starts, to some cores while the block runs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit() -> int:
    """Raise this process's limit of open files to the hard limit, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def busy_seconds() -> float:
    """Return the busy seconds of all cores since the machine started."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def load(seconds: float) -> float:
    """Return how many cores are busy during these seconds."""
    before = busy_seconds()
    time.sleep(seconds)
    return (busy_seconds() - before) / seconds


def kind() -> str:
    """Return what a reader has to know of this machine, in words."""
    models = re.findall(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = " ".join((models or [platform.machine()])[0].split())
    memory = psutil.virtual_memory().total / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    python = platform.python_version()
    return f"{len(CORES)} cores ({processor}), {memory:.0f} GiB, Linux {kernel}, Python {python}"
