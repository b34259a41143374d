"""Medians of the measurements and their ratios to nchan's, as a table and as JSON."""

import json
import os
import platform
import statistics
from dataclasses import asdict
from pathlib import Path

from .compared import SYSTEMS
from .rounds import Figures
from .trial import Load

REFERENCE = "nchan"
BUSY_CORES = 0.1


def medians(measured: dict[str, list[Figures]]) -> dict[str, Figures]:
    """Return the median figures of each measured system."""
    return {
        name: {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]}
        for name, rounds in measured.items()
        if rounds
    }


def columns(load: Load) -> dict[str, tuple[str, int]]:
    """Return the heading and the number of decimals of each figure."""
    return {
        "paced": (f"CPU s per 100,000: {load.clients:,} at {load.rate:g}/s", 2),
        "saturated": (f"CPU s per 100,000: {load.crowd:,} saturated", 2),
        "memory": ("KiB per idle client", 1),
        "threads": (f"threads at {load.clients:,}", 0),
    }


def table(measured: dict[str, list[Figures]], load: Load) -> str:
    """Return a Markdown table of the medians, each with its ratio to nchan's."""
    middle = medians(measured)
    reference = middle.get(REFERENCE)
    rows = [["", *(heading for heading, _ in columns(load).values())]]
    for name, figures in middle.items():
        cells = [cell(figures, reference, key, digits) for key, (_, digits) in columns(load).items()]
        rows.append([SYSTEMS[name].name, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [line(row, widths) for row in rows]
    return "\n".join([lines[0], line(["-" * width for width in widths], widths), *lines[1:]])


def cell(figures: Figures, reference: Figures | None, key: str, digits: int) -> str:
    """Return a figure and, if nchan was measured, its ratio."""
    figure = f"{figures[key]:,.{digits}f}"
    return f"{figure} ({figures[key] / reference[key]:.1f}x)" if reference and reference[key] > 0 else figure


def line(cells: list[str], widths: list[int]) -> str:
    """Return a row with its first cell left-aligned and its numbers right-aligned."""
    first, *rest = (width for width in widths)
    numbers = [text.rjust(width) for text, width in zip(cells[1:], rest, strict=True)]
    return f"| {' | '.join([cells[0].ljust(first), *numbers])} |"


def warning(measured: dict[str, list[Figures]]) -> str:
    """Return a warning if other programs were busy during the run, else ""."""
    other_load = max((each["other_load"] for rounds in measured.values() for each in rounds), default=0)
    return (
        f"\nOther programs kept {other_load:.1f} cores busy. Run it again when the machine is idle.\n"
        if other_load > BUSY_CORES
        else ""
    )


def write(file: Path, measured: dict[str, list[Figures]], load: Load) -> None:
    """Write the figures of all rounds, their medians, the load and the machine as JSON."""
    result = {
        "machine": {"platform": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()},
        "load": asdict(load),
        "medians": medians(measured),
        "rounds": measured,
    }
    file.write_text(json.dumps(result, indent=1) + "\n")
