"""What one core, one GiB and one broker carry, from the results, in groups of rows."""

from collections.abc import Callable
from dataclasses import dataclass

from .results import Result
from .trial import DELIVERIES

Results = dict[str, Result]
KIB_PER_GIB = 2**20


@dataclass(frozen=True)
class Row:
    """A row: what is measured, where its figure is, and how it is written."""

    what: str
    scenario: str
    system: str
    figure: str
    written: Callable[[float], str]

    def value(self, found: Results) -> float | None:
        """Return the figure, or None if it was not measured."""
        return found[self.scenario].figure(self.system, self.figure) if self.scenario in found else None


def shortened(value: float) -> str:
    """Return a number with two digits that count."""
    digits = len(f"{value:.0f}") - 2
    return f"{round(value, -digits):,.0f}" if digits > 0 else f"{value:.2g}"


def amount(unit: str) -> Callable[[float], str]:
    """Return a function that writes a figure with its unit."""
    return lambda value: f"{shortened(value)} {unit}"


def per(whole: float, unit: str) -> Callable[[float], str]:
    """Return a function that writes how often a figure fits into a whole."""
    return lambda value: f"{shortened(whole / value)} {unit}"


def share_of_core(rate: int) -> Callable[[float], str]:
    """Return a function that writes what CPU milliseconds are at that rate a second."""
    return lambda value: f"{value * rate / 1000:.0%} of a core"


GROUPS: dict[str, list[Row]] = {
    "machine": [
        Row(
            "one core delivers, 1,000 clients at 5 events a second",
            "deliver",
            "ours",
            "paced",
            per(DELIVERIES, "events to clients a second"),
        ),
        Row("one core delivers, saturated", "deliver", "ours", "saturated", per(DELIVERIES, "a second")),
        Row("one core opens, logged in, SQLite", "open", "sqlite", "cpu", per(1000, "streams a second")),
        Row("one GiB holds, SQLite", "many", "sqlite", "channels", per(KIB_PER_GIB, "streams of channels")),
        Row("one GiB holds", "many", "ours", "kept", per(KIB_PER_GIB, "streams that keep their request")),
        Row("a worker takes without streams", "many", "sqlite", "worker", amount("MiB")),
        Row("nginx takes in addition", "proxy", "ours", "memory", amount("KiB for each stream")),
        Row("and for deliveries", "proxy", "ours", "cpu", amount("CPU s per 100,000")),
    ],
    "latency": [
        Row("1,000 clients at 5 events a second, median", "latency", "ours", "median", amount("ms")),
        Row("the same, 99th percentile", "latency", "ours", "p99", amount("ms")),
        Row("10,000 clients at one event a second, median", "many", "ours", "median", amount("ms")),
        Row("the same, 99th percentile", "many", "ours", "p99", amount("ms")),
        Row("10,000 channels, 99th percentile", "channels", "ours", "p99", amount("ms")),
        Row(
            "a slow tenth of the clients: 99th percentile of the others", "slow", "ours", "ratio", amount("times")
        ),
    ],
    "compressed": [
        Row("HTML of posts with `sse_compress`, bytes", "compress", "ours", "times", amount("times fewer")),
        Row("the same, CPU of the server", "compress", "ours", "cpu", amount("times as much")),
    ],
    "reading": [
        Row("200 reads a second, SQLite", "listen", "sqlite", "paced", share_of_core(200)),
        Row("200 reads a second, PostgreSQL", "listen", "postgresql", "paced", share_of_core(200)),
        Row("200 reads a second, Valkey", "listen", "valkey", "paced", share_of_core(200)),
        Row("half a core reads, SQLite", "listen", "sqlite", "unfollowed", per(500, "events a second")),
        Row("half a core reads, PostgreSQL", "listen", "postgresql", "unfollowed", per(500, "events a second")),
        Row("half a core reads, Valkey", "listen", "valkey", "unfollowed", per(500, "events a second")),
        Row("half a core reads, hosts with Valkey", "hosts", "hosts", "unfollowed", per(500, "events a second")),
    ],
    "return": [
        Row("opening a stream, logged in, SQLite", "open", "sqlite", "cpu", amount("ms of a core")),
        Row("10,000 clients of a worker after `kill -9`: all back", "storm", "sqlite", "all", amount("s")),
        Row("10,000 clients of a worker after SIGTERM: all ended", "stop", "sqlite", "ended", amount("s")),
        Row("the same, all back", "stop", "sqlite", "all", amount("s")),
        Row(
            "a live event while 1,000 clients get what they missed, SQLite, 99th",
            "replay",
            "sqlite",
            "replayed",
            amount("ms"),
        ),
        Row("the same, PostgreSQL", "replay", "postgresql", "replayed", amount("ms")),
        Row("the same, Valkey", "replay", "valkey", "replayed", amount("ms")),
    ],
}


def table(group: str, found: Results) -> str:
    """Return the measured rows of a group as a Markdown table."""
    values = [(row, row.value(found)) for row in GROUPS[group]]
    lines = [f"| {row.what} | {row.written(value)} |" for row, value in values if value]
    return "\n".join(["| | |", "|---|---|", *lines]) if lines else "Not measured yet."


def scenarios(group: str) -> list[str]:
    """Return the scenarios that a group's figures are from."""
    return [*dict.fromkeys(row.scenario for row in GROUPS[group])]
