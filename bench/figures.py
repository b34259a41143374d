"""
The command behind `make figures`: writes the figures of the results into the documents.

A document has blocks: a line `<!-- bench: SCENARIO [FIGURE …] [SYSTEM …] -->`, what is written here, and a line
`<!-- end -->`. A block without figures has all, without systems all. `<!-- bench: constants GROUP -->` is a
table of what one core, one GiB and one broker carry.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from . import constants, picture, report, results
from .results import Result
from .scenarios import SCENARIOS

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "docs/scale.md", "docs/operations.md")
REPORT, PICTURE = "bench/RESULTS.md", "bench/scale.svg"
BLOCK = re.compile(r"(<!-- bench: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write the documents, the report and the picture."""
    texts = written(results.read())
    for name, text in texts.items():
        (ROOT / name).write_text(text)
    sys.stdout.write(f"Wrote the figures into {', '.join(texts)}.\n")


def written(found: dict[str, Result]) -> dict[str, str]:
    """Return the text of each document, of the report and of the picture, with the figures of these results."""

    def block(match: re.Match) -> str:
        return f"{match[1]}{content(match[2].split(), found)}\n{match[3]}"

    documents = {name: BLOCK.sub(block, (ROOT / name).read_text()) for name in DOCUMENTS}
    return documents | {REPORT: whole_report(found), PICTURE: picture.draw(found)}


def whole_report(found: dict[str, Result]) -> str:
    """Return the report of all scenarios."""
    sections = [
        f"{report.section(SCENARIOS[name], result)}\n{source([name], found)}\n" for name, result in found.items()
    ]
    return "\n".join(["# Results\n\nWritten by `make figures`; README.md explains them.\n", *sections])


def content(arguments: list[str], found: dict[str, Result]) -> str:
    """Return what a block has between its lines."""
    name, *names = arguments
    if name == "constants":
        return f"{constants.table(names[0], found)}\n\n{source(constants.scenarios(names[0]), found)}".rstrip()
    if name not in found:
        return "Not measured yet."
    systems = [each for each in names if each in SCENARIOS[name].systems]
    figures = [each for each in names if each not in systems]
    return f"{report.table(SCENARIOS[name], found[name], figures, systems)}\n\n{source([name], found)}"


def source(names: Iterable[str], found: dict[str, Result]) -> str:
    """Return where figures come from, with a warning if they are not to be trusted."""
    used = {name: found[name] for name in names if name in found}
    if not used:
        return ""
    dates = " and ".join(sorted({result.date for result in used.values()}))
    machines = " and ".join(sorted({result.machine for result in used.values()}))
    doubts = ["a quick run"] * any(result.is_quick for result in used.values())
    doubts += ["a busy machine"] * any(result.is_busy for result in used.values())
    warning = f" **Preliminary: from {' on '.join(doubts)}.**" if doubts else ""
    return f"`{' '.join(used)}`, {dates}: {machines}.{warning}"


if __name__ == "__main__":
    main()
