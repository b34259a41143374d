"""
The command behind `make figures`: writes the figures of the results into the documents.

A document has blocks: a line `<!-- bench: SCENARIO [FIGURE …] -->`, what is written here, and a line
`<!-- end -->`. A block without figures has all. `<!-- bench: constants -->` is a table of what one core,
one GiB and one broker carry, and `<!-- bench: picture -->` the picture beside the document.
"""

import re
import sys
from pathlib import Path

from . import constants, picture, report, results
from .results import Result
from .scenarios import SCENARIOS

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "docs/scale.md", "docs/operations.md", "bench/README.md")
PICTURE = "docs/scale.svg"
BLOCK = re.compile(r"(<!-- bench: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write the documents and the picture."""
    for name, text in written(results.read()).items():
        (ROOT / name).write_text(text)
    sys.stdout.write(f"Wrote the figures into {', '.join([*DOCUMENTS, PICTURE])}.\n")


def written(found: dict[str, Result]) -> dict[str, str]:
    """Return the text of each document, and of the picture, with the figures of these results."""

    def block(match: re.Match) -> str:
        return f"{match[1]}{content(match[2].split(), found)}\n{match[3]}"

    documents = {name: BLOCK.sub(block, (ROOT / name).read_text()) for name in DOCUMENTS}
    return documents | {PICTURE: picture.draw(found)}


def content(arguments: list[str], found: dict[str, Result]) -> str:
    """Return what a block has between its lines."""
    name, *figures = arguments
    if name == "constants":
        return constants.table(found)
    if name not in found:
        return "Not measured yet."
    systems = [each for each in figures if each in SCENARIOS[name].systems]
    figures = [each for each in figures if each not in systems]
    return f"{report.table(SCENARIOS[name], found[name], figures, systems)}\n\n{source(name, found[name])}"


def source(name: str, result: Result) -> str:
    """Return where a table comes from, with a warning if its figures are not to be trusted."""
    doubts = ["a quick run"] * result.is_quick + ["a busy machine"] * result.is_busy
    warning = f" **Preliminary: from {' on '.join(doubts)}.**" if doubts else ""
    return f"`make bench SCENARIOS={name}`, {result.date}: {result.machine}.{warning}"


if __name__ == "__main__":
    main()
