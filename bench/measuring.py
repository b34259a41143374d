"""Runs scenarios: the systems take turns, and one that fails or takes too long does not end the run."""

import contextlib
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import machine
from .compared import SYSTEMS
from .crowd import compiled
from .scenario import Bench, Figures, Scenario


class TooLong(Exception):
    """A measurement did not end within its time limit."""


@dataclass
class Measured:
    """The rounds of one system in a scenario, what went wrong, and the load of other programs in cores."""

    rounds: list[Figures] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    other_load: float = 0

    def medians(self) -> Figures:
        """Return the median of each figure."""
        names = dict.fromkeys(name for figures in self.rounds for name in figures)
        return {
            name: round(statistics.median(each[name] for each in self.rounds if name in each), 4) for name in names
        }


@contextlib.contextmanager
def workshop() -> Iterator[tuple[Path, Path]]:
    """Prepare this process; return the compiled load client and a temporary folder."""
    machine.raise_file_limit()
    with tempfile.TemporaryDirectory() as name, machine.on_cores([machine.CLIENT_CORE]):
        folder = Path(name)
        folder.chmod(0o755)
        yield compiled(folder), folder


def run(
    scenario: Scenario, systems: list[str], client: Path, folder: Path, *, rounds: int = 0, is_quick: bool = False
) -> dict[str, Measured]:
    """
    Measure some systems of a scenario, the compared ones in each of its rounds and the others once.

    A system that lacks something, fails or takes too long gets a problem instead of figures.
    """
    measured = {key: Measured() for key in systems}
    for key, each in measured.items():
        if missing := SYSTEMS[key].missing():
            each.problems.append(f"skipped: {missing}")
    total = 1 if is_quick else rounds or scenario.rounds
    for number in range(total):
        for key, each in measured.items():
            if each.problems or (number and key not in scenario.repeated):
                continue
            bench = Bench(key, client, folder, is_quick)
            began = time.monotonic()
            try:
                with time_limit(scenario.seconds):
                    each.rounds.append(scenario.measure(bench))
            except Exception as error:
                each.problems.append(described(error))
            each.other_load = max(each.other_load, bench.other_load)
            outcome = each.problems[-1].splitlines()[0] if each.problems else "measured"
            seconds = time.monotonic() - began
            print_status(
                f"{scenario.name}, round {number + 1} of {total}: {SYSTEMS[key].name}: {outcome} ({seconds:.0f} s)"
            )
    return measured


def described(error: Exception) -> str:
    """Return what went wrong, with the last lines of the server's log."""
    print_status("".join(traceback.format_exception(error)))
    text = f"failed: {str(error) or type(error).__name__}"
    return text.replace(str(Path.home()), "~")


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise `TooLong` in the block after some seconds."""

    def too_long(*_: object) -> None:
        raise TooLong(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def print_status(line: str) -> None:
    """Print a line to the standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201
