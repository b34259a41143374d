"""A table of each scenario: medians, ratios to its reference, and the goals."""

from collections.abc import Iterable

from .compared import SYSTEMS
from .results import Result
from .scenario import Figure, Goal, Scenario

NOT_MEASURED = "–"


def table(scenario: Scenario, result: Result, figures: Iterable[str] = (), systems: Iterable[str] = ()) -> str:
    """Return a Markdown table of some figures and systems, by default all that were measured."""
    names = [*figures] or [*scenario.figures]
    keys = [key for key in [*systems] or scenario.systems if result.systems.get(key, {}).get("figures")]
    rows = [["", *(scenario.figures[name].heading for name in names)]]
    rows += [[SYSTEMS[key].name, *(cell(scenario, result, key, name) for name in names)] for key in keys]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(rows[0], widths), line(rule, widths), *(line(row, widths) for row in rows[1:])])


def cell(scenario: Scenario, result: Result, key: str, name: str) -> str:
    """Return a figure and, if the reference was measured, its ratio."""
    value, reference = result.figure(key, name), result.figure(scenario.reference, name)
    if value is None:
        return NOT_MEASURED
    text = f"{value:,.{scenario.figures[name].decimals}f}"
    return f"{text} ({value / reference:.2f}×)" if reference else text


def line(cells: list[str], widths: list[int]) -> str:
    """Return a row with its first cell left-aligned and its numbers right-aligned."""
    first, *rest = widths
    numbers = [text.rjust(width) for text, width in zip(cells[1:], rest, strict=True)]
    return f"| {' | '.join([cells[0].ljust(first), *numbers])} |"


def goals(scenario: Scenario, result: Result) -> list[str]:
    """Return a sentence for each goal: the limit, what was measured, and whether it is reached."""
    return [
        judged(key, figure, goal, result.figure(key, name), result.figure(goal.of, name))
        for name, figure in scenario.figures.items()
        for key, goal in figure.goals.items()
        if key in result.systems
    ]


def judged(key: str, figure: Figure, goal: Goal, value: float | None, reference: float | None) -> str:
    """Return a sentence about one goal."""
    limit = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g}"
    if goal.of:
        limit += f" × {SYSTEMS[goal.of].name}"
        value = value / reference if value is not None and reference else None
    measured = NOT_MEASURED if value is None else f"{value:.2f}" if goal.of else f"{value:,.{figure.decimals}f}"
    verdict = "not measured" if value is None else "reached" if goal.is_reached(value) else "NOT reached"
    return f"{SYSTEMS[key].name}, {figure.heading}: {limit}; measured {measured}: {verdict}"


def problems(result: Result) -> list[str]:
    """Return what went wrong, a sentence for each problem."""
    return [
        f"{SYSTEMS[key].name} {problem.splitlines()[0]}"
        for key, each in result.systems.items()
        for problem in each["problems"]
    ]


def section(scenario: Scenario, result: Result) -> str:
    """Return everything that a run of a scenario has to say."""
    lines = [f"## {scenario.name}", "", scenario.sentence, "", table(scenario, result), ""]
    lines += [f"- goal: {each}" for each in goals(scenario, result)]
    lines += [f"- {each}" for each in problems(result)]
    if result.is_quick:
        lines.append("- QUICK: with a tenth of the clients that the sentence names.")
    if result.is_busy:
        lines.append(f"- BUSY: other programs kept {result.busy_cores:.1f} cores busy: run it on an idle machine.")
    return "\n".join(lines).rstrip() + "\n"
