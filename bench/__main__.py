"""The command behind `make bench`; its options are environment variables."""

import os
import signal
import sys
import time
from pathlib import Path

from . import machine, measuring, report, results
from .compared import SYSTEMS
from .measuring import print_status
from .scenarios import SCENARIOS


def main() -> None:
    """Run the scenarios, keep each result as soon as it is there, and print the report."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # An exception, so that all servers and clients are ended.
        signal.signal(number, lambda *_: sys.exit("Ended by a signal. Finished scenarios are kept."))
    scenarios = [SCENARIOS[name] for name in chosen("SCENARIOS", SCENARIOS)]
    systems = chosen("SYSTEMS", SYSTEMS)
    rounds, is_quick = int(os.environ.get("ROUNDS", 0)), os.environ.get("QUICK", "0") not in ("", "0")
    is_whole = not rounds and not is_quick and systems == [*SYSTEMS]
    file = Path(os.environ.get("JSON") or (results.PUBLISHED if is_whole else results.LAST))
    if (busy := machine.load(1)) > results.BUSY_CORES:
        print_status(f"BUSY: other programs keep {busy:.1f} cores busy. Figures of this run mean little.")
    began = time.monotonic()
    try:
        with measuring.workshop() as (client, folder):
            options = {"rounds": rounds, "is_quick": is_quick}
            sections = [run(scenario, systems, client, folder, file, **options) for scenario in scenarios]
    except RuntimeError as error:
        sys.exit(str(error))
    sys.stdout.write("\n" + "\n".join(sections))
    print_status(
        f"\n{len(scenarios)} scenarios in {(time.monotonic() - began) / 60:.1f} minutes; results in {file}"
    )


def run(scenario, systems, client, folder, file, **options) -> str:
    """Run a scenario, put its result into the file, and return its part of the report."""
    began = time.monotonic()
    keys = [key for key in scenario.systems if key in systems]
    measured = measuring.run(scenario, keys, client, folder, **options)
    result = results.result_of(measured, time.monotonic() - began, options["is_quick"])
    results.write({**results.read(file), scenario.name: result}, SCENARIOS.values(), file)
    return report.section(scenario, result)


def chosen(variable: str, known: dict[str, object]) -> list[str]:
    """Return the names in a variable, by default all; exit if one is unknown."""
    names = os.environ.get(variable, "").split() or [*known]
    if unknown := set(names) - set(known):
        sys.exit(f"{variable} contains unknown names: {', '.join(unknown)}. Known are {', '.join(known)}.")
    return names


if __name__ == "__main__":
    main()
