"""Rounds over the systems, one after the other, so that what disturbs the machine disturbs them all."""

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
    Return for each system what its rounds measured, as `trial.measure` does.

    A system that this machine lacks something for, or that fails in a round, is left out of it, and
    the standard error says why.
    """
    machine.raise_file_limit()
    names = [name for name in names if not lacks(name)]
    measured = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder, machine.on_core(machine.CLIENT_CORE):
        client = compiled(Path(folder))
        for number in range(rounds):
            for name in names:
                say(f"round {number + 1} of {rounds}: {SYSTEMS[name].name}")
                measured[name] += once(name, load, client, Path(folder))
    return measured


def lacks(name: str) -> bool:
    """Say whether something is missing here for a system, and what."""
    missing = SYSTEMS[name].missing()
    if missing:
        say(f"skipping {SYSTEMS[name].name}: {missing}")
    return bool(missing)


def once(name: str, load: Load, client: Path, parent: Path) -> list[Figures]:
    """Return what one round of a system measured, or nothing when it failed."""
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        # nginx gives up root, and has to reach its folders.
        Path(folder).chmod(0o755)
        try:
            return [measure(SYSTEMS[name], load, client, Path(folder))]
        except (Lost, OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
            say(f"{SYSTEMS[name].name} failed: {error}\n{log(Path(folder))}")
            return []


def log(folder: Path) -> str:
    """Return the last lines that the server in `folder` has logged."""
    lines = [line for file in folder.glob("*.log") for line in file.read_text(errors="replace").splitlines()]
    return "\n".join(lines[-LOG_LINES:])


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201
