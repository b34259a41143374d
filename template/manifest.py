"""
Write `template.lock`, the manifest that `make upgrade` compares a project with; --check only checks it.

It contains the version, git's id of each file of a project before `startproject` renders it, and the items
"By hand" of CHANGELOG.md.
"""

import json
import re
import sys

from .build import PACKAGE, ROOT, exported_files, git

TARGET = ROOT / "template.lock"


def main(arguments: list[str]) -> str | None:
    """Write or check the manifest; return an error message or None."""
    text = manifest()
    if "--check" not in arguments:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        return f"{TARGET.name} is not up to date. Run: make manifest"
    return None


def manifest() -> str:
    """Return the manifest of the working tree, with a line for each file."""
    names = [name for name in exported_files() if name != TARGET.name]
    ids = git("hash-object", "--stdin-paths", stdin="\n".join(names)).split()
    files = {re.sub(f"^{PACKAGE}/", "project_name/", name): blob for name, blob in zip(names, ids, strict=True)}
    changelog = (ROOT / "CHANGELOG.md").read_text()
    return json.dumps({"version": version(), "by_hand": by_hand(changelog), "files": files}, indent=1) + "\n"


def version() -> str:
    """Return the version of the template and of the library."""
    return re.search(r'^__version__ = "(.+)"$', (ROOT / "apps/sse/__init__.py").read_text(), re.MULTILINE)[1]


def by_hand(changelog: str) -> dict[str, list[str]]:
    """Return the items under "By hand" by their version."""
    found = {}
    for section in changelog.split("\n## ")[1:]:
        items = re.search(r"^### By hand\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL)
        if items:
            lines = re.split(r"^- ", items[1], flags=re.MULTILINE)[1:]
            found[section.split()[0].strip("[]")] = [" ".join(line.split()) for line in lines]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
