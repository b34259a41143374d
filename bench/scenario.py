"""A scenario of the benchmark: what it measures, of which systems, and the goals."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .compared import SYSTEMS, System
from .crowd import Crowd
from .meter import Meter
from .publisher import Publisher
from .serving import Server, Target
from .trial import Trial

Figures = dict[str, float]
LOG_LINES = 10
# How long the first event may take to reach all clients, before another one is sent.
SETTLING_SECONDS = 2


@dataclass(frozen=True)
class Goal:
    """A limit of a figure, or of its ratio to the same figure of the system `of`."""

    limit: float
    of: str = ""
    at_least: bool = False

    def is_reached(self, value: float) -> bool:
        """Return whether a figure, or its ratio, is within the limit."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """A measured number: its heading in tables, its decimals, and the goals by system."""

    heading: str
    decimals: int = 0
    goals: dict[str, Goal] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """
    A named measurement.

    `measure` returns the `figures` of one system; some may be missing. The first `rounds` of the systems in
    `repeated` are the medians' rounds; the other systems are measured once. `seconds` limits one measurement.
    Tables have the ratio to `reference`, if it is measured.
    """

    name: str
    sentence: str
    systems: tuple[str, ...]
    figures: dict[str, Figure]
    measure: Callable[["Bench"], Figures]
    reference: str = "nchan"
    rounds: int = 1
    repeated: tuple[str, ...] = ("nchan", "ours", "bare")
    seconds: int = 90


@dataclass
class Bench:
    """One measurement: the system, the load client, a folder, and whether it is to be quick."""

    key: str
    client: Path
    parent: Path
    is_quick: bool = False
    meters: list[Meter] = field(default_factory=list)

    @property
    def system(self) -> System:
        """The measured system."""
        return SYSTEMS[self.key]

    def size(self, number: int) -> int:
        """Return a number of clients or events; a tenth in a quick run."""
        return max(number // 10, 1) if self.is_quick else number

    def seconds(self, number: float) -> float:
        """Return a duration; a sixth in a quick run."""
        return number / 6 if self.is_quick else number

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Return an empty folder; an exception in the block gets the last lines of its logs as a note."""
        with tempfile.TemporaryDirectory(dir=self.parent, ignore_cleanup_errors=True) as name:
            # nginx and PostgreSQL drop root and must reach their folders.
            Path(name).chmod(0o755)
            try:
                yield Path(name)
            except Exception as error:
                error.add_note(log(Path(name)))
                raise

    @contextlib.contextmanager
    def trial(self, system: System | None = None, **options: object) -> Iterator[Trial]:
        """Serve the system, by default the measured one, with a crowd that has these options."""
        with (
            self.folder() as folder,
            (system or self.system).serving(folder) as target,
            self.load(target, target.server, **options) as trial,
        ):
            yield trial

    @contextlib.contextmanager
    def load(self, target: Target, publishing: Server, **options: object) -> Iterator[Trial]:
        """Measure running servers, with a crowd that has these options, and events published at one server."""
        with Crowd(self.client, target, **options) as crowd, closing(Publisher(publishing)) as publisher:
            meter = Meter(target.servers, [crowd.process, psutil.Process(), *target.helpers])
            self.meters.append(meter)
            yield Trial(target, crowd, publisher, meter, self.seconds(SETTLING_SECONDS))

    @property
    def other_load(self) -> float:
        """The maximum load of other programs in all measurements, in cores."""
        return max((meter.max_other_load for meter in self.meters), default=0)


def log(folder: Path) -> str:
    """Return the last log lines of the servers in `folder`, without those of streams that open and close."""
    lines = [line for file in folder.glob("*.log") for line in file.read_text(errors="replace").splitlines()]
    return "\n".join([line for line in lines if '"level": "INFO"' not in line][-LOG_LINES:])
