"""What one core, one GiB and one broker carry, from the results."""

from collections.abc import Callable

from .results import Result
from .trial import DELIVERIES

Results = dict[str, Result]
KIB_PER_GIB = 2**20
BROKERS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "valkey": "Valkey"}


def figure(found: Results, scenario: str, system: str, name: str) -> float | None:
    """Return a figure, or None if it was not measured."""
    return found[scenario].figure(system, name) if scenario in found else None


def shortened(value: float) -> str:
    """Return a number with two digits that count."""
    digits = len(f"{value:.0f}") - 2
    return f"{round(value, -digits if digits > 0 else 0):,.0f}"


def rows(found: Results) -> list[tuple[str, str]]:
    """Return what is carried and how much, for each figure that was measured."""
    lines: list[tuple[str, float | None, Callable[[float], str]]] = [
        (
            "one core delivers, 1,000 clients at 5 events a second",
            figure(found, "deliver", "ours", "paced"),
            lambda cpu: f"{shortened(DELIVERIES / cpu)} events to clients a second",
        ),
        (
            "one core delivers, saturated",
            figure(found, "deliver", "ours", "saturated"),
            lambda cpu: f"{shortened(DELIVERIES / cpu)} events to clients a second",
        ),
        (
            "one core opens, logged in",
            figure(found, "open", "sqlite", "cpu"),
            lambda ms: f"{shortened(1000 / ms)} streams a second",
        ),
        (
            "one GiB holds",
            figure(found, "many", "sqlite", "channels"),
            lambda kib: f"{shortened(KIB_PER_GIB / kib)} streams of channels",
        ),
        (
            "one GiB holds",
            figure(found, "many", "ours", "kept"),
            lambda kib: f"{shortened(KIB_PER_GIB / kib)} streams that keep their request",
        ),
    ]
    for key, name in BROKERS.items():
        lines += [
            (
                f"{name} takes, in transactions of their own, from three processes",
                figure(found, "publish", key, "transactions3"),
                lambda rate: f"{shortened(rate)} events a second",
            ),
            (
                f"one core of a process reads from {name}, events that nobody follows",
                figure(found, "listen", key, "unfollowed"),
                lambda ms: f"{shortened(1000 / ms)} a second",
            ),
        ]
    return [(what, text(value)) for what, value, text in lines if value]


def table(found: Results) -> str:
    """Return the rows as a Markdown table."""
    lines = [f"| {what} | {amount} |" for what, amount in rows(found)]
    return "\n".join(["| | |", "|---|---|", *lines]) if lines else "Not measured yet."
