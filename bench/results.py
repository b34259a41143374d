"""The file of results: the newest run of each scenario, with its date, machine and load."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.sse import __version__

from . import machine
from .measuring import Measured
from .scenario import Scenario

# The source of the published figures, and where runs go that are quick or leave systems out.
PUBLISHED = Path(__file__).parent / "results.json"
LAST = Path(__file__).parent.parent / ".data" / "bench" / "last.json"
BUSY_CORES = 0.1


@dataclass(frozen=True)
class Result:
    """One run of a scenario, as it is in the file."""

    date: str
    version: str
    machine: str
    is_quick: bool
    busy_cores: float
    seconds: float
    systems: dict[str, dict[str, Any]]

    @property
    def is_busy(self) -> bool:
        """Whether other programs disturbed the run."""
        return self.busy_cores > BUSY_CORES

    def figure(self, system: str, name: str) -> float | None:
        """Return the median of a figure, or None if it was not measured."""
        return self.systems.get(system, {}).get("figures", {}).get(name)


def result_of(measured: dict[str, Measured], seconds: float, is_quick: bool) -> Result:
    """Return the result of a scenario that has run now."""
    systems = {
        key: {"figures": each.medians(), "rounds": each.rounds, "problems": each.problems}
        for key, each in measured.items()
    }
    busy = max((each.other_load for each in measured.values()), default=0)
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    return Result(date, __version__, machine.kind(), is_quick, round(busy, 2), round(seconds, 1), systems)


def read(file: Path = PUBLISHED) -> dict[str, Result]:
    """Return the results in a file by scenario; none if there is no file."""
    found = json.loads(file.read_text()) if file.exists() else {}
    return {name: Result(**result) for name, result in found.items()}


def write(results: dict[str, Result], scenarios: Iterable[Scenario], file: Path) -> None:
    """Write results in the order of the scenarios."""
    file.parent.mkdir(parents=True, exist_ok=True)
    ordered = {each.name: vars(results[each.name]) for each in scenarios if each.name in results}
    text = json.dumps(ordered, indent=1, default=float)
    file.write_text(text + "\n")
