"""Medians of what was measured, and their ratios to nchan's, as a table and as JSON."""

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
    """Return each system's median figures, without the systems that were not measured."""
    return {
        name: {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]}
        for name, rounds in measured.items()
        if rounds
    }


def columns(load: Load) -> dict[str, tuple[str, int]]:
    """Return the heading of each figure in the table, and its decimals."""
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
    """Return a figure and, where there is something to compare with, its ratio."""
    figure = f"{figures[key]:,.{digits}f}"
    return f"{figure} ({figures[key] / reference[key]:.1f}x)" if reference and reference[key] > 0 else figure


def line(cells: list[str], widths: list[int]) -> str:
    """Return a row, its first cell to the left and its numbers to the right."""
    first, *rest = (width for width in widths)
    numbers = [text.rjust(width) for text, width in zip(cells[1:], rest, strict=True)]
    return f"| {' | '.join([cells[0].ljust(first), *numbers])} |"


def warning(measured: dict[str, list[Figures]]) -> str:
    """Return a line to say that other programs were busy during the run, or nothing."""
    most = max((each["elsewhere"] for rounds in measured.values() for each in rounds), default=0)
    return (
        f"\nOther programs kept {most:.1f} cores busy. Run it again when the machine is idle.\n"
        if most > BUSY_CORES
        else ""
    )


def write(file: Path, measured: dict[str, list[Figures]], load: Load) -> None:
    """Write all that was measured, the medians, and where and how it was."""
    result = {
        "machine": {"platform": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()},
        "load": asdict(load),
        "medians": medians(measured),
        "rounds": measured,
    }
    file.write_text(json.dumps(result, indent=1) + "\n")
