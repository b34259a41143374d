"""The command behind `make bench`; its options are environment variables."""

import os
import signal
import sys
from pathlib import Path

from . import report
from .compared import SYSTEMS
from .rounds import compare
from .trial import Load


def main() -> None:
    """Measure, print the table, and write the JSON file if one is named."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # An exception, so that all servers and clients are ended.
        signal.signal(number, lambda *_: sys.exit("Ended by a signal."))
    load = Load(
        clients=int(os.environ.get("CLIENTS", Load.clients)),
        crowd=int(os.environ.get("CROWD", Load.crowd)),
        events=int(os.environ.get("EVENTS", Load.events)),
        rate=float(os.environ.get("RATE", Load.rate)),
    )
    try:
        measured = compare(chosen(), int(os.environ.get("ROUNDS", 3)), load)
    except RuntimeError as error:
        sys.exit(str(error))
    if not any(measured.values()):
        sys.exit("Nothing could be measured.")
    if file := os.environ.get("JSON"):
        report.write(Path(file), measured, load)
    sys.stdout.write(f"\n{report.table(measured, load)}\n{report.warning(measured)}")


def chosen() -> list[str]:
    """Return the names in SYSTEMS, by default all; exit if one is unknown."""
    names = os.environ.get("SYSTEMS", "").split() or [*SYSTEMS]
    if unknown := set(names) - set(SYSTEMS):
        sys.exit(f"SYSTEMS contains unknown names: {', '.join(unknown)}. Known are {', '.join(SYSTEMS)}.")
    return names


if __name__ == "__main__":
    main()
