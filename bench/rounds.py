"""Rounds over the systems in turn, so that a disturbance affects all of them."""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from . import machine
from .compared import SYSTEMS
from .crowd import Lost, compiled
from .trial import Load, measure

Figures = dict[str, float]
LOG_LINES = 10


def compare(names: Iterable[str], rounds: int, load: Load) -> dict[str, list[Figures]]:
    """
    Return the figures of `trial.measure` for each system and round.

    A system with missing requirements, or that fails in a round, is skipped, and the reason is printed to
    the standard error.
    """
    machine.raise_file_limit()
    names = [name for name in names if not lacks(name)]
    measured = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder, machine.on_core(machine.CLIENT_CORE):
        client = compiled(Path(folder))
        for number in range(rounds):
            for name in names:
                print_status(f"round {number + 1} of {rounds}: {SYSTEMS[name].name}")
                measured[name] += once(name, load, client, Path(folder))
    return measured


def lacks(name: str) -> bool:
    """Return whether this machine lacks something for a system, and print what."""
    missing = SYSTEMS[name].missing()
    if missing:
        print_status(f"skipping {SYSTEMS[name].name}: {missing}")
    return bool(missing)


def once(name: str, load: Load, client: Path, parent: Path) -> list[Figures]:
    """Return the figures of one round in a list, which is empty if it failed."""
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        # nginx drops root and must reach its folders.
        Path(folder).chmod(0o755)
        try:
            return [measure(SYSTEMS[name], load, client, Path(folder))]
        except (Lost, OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
            print_status(f"{SYSTEMS[name].name} failed: {error}\n{log(Path(folder))}")
            return []


def log(folder: Path) -> str:
    """Return the last log lines of the server in `folder`."""
    lines = [line for file in folder.glob("*.log") for line in file.read_text(errors="replace").splitlines()]
    return "\n".join(lines[-LOG_LINES:])


def print_status(line: str) -> None:
    """Print a line to the standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201
