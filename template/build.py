"""
Build `dist/project_template.zip`, from which `startproject --template` makes a project.

It contains the tracked files except those that `.gitattributes` marks `export-ignore`. The settings
package becomes `project_name`, which `startproject` renames; in Python files its name becomes the
variable that `startproject` renders.
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "project_template"
TARGET = ROOT / "dist" / f"{PACKAGE}.zip"
VARIABLE = "{" * 2 + " project_name " + "}" * 2
FIXED_DATE = (2026, 1, 1, 0, 0, 0)


def main() -> None:
    """Write the archive and print its path."""
    TARGET.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in exported_files():
            add(archive, name)
    name = TARGET.relative_to(ROOT)
    print(f"Wrote {name}. Make a project: .venv/bin/django-admin startproject --template {name} mysite ../mysite")


def exported_files() -> list[str]:
    """Return the paths of the files that git would export, as they are in the working tree."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]
    names = [name for name in sorted(set(listed)) if (ROOT / name).is_file()]
    ignored = export_ignored({path for name in names for path in with_parents(name)})
    return [name for name in names if ignored.isdisjoint(with_parents(name))]


def with_parents(name: str) -> list[str]:
    """Return the paths of a file and of its parent folders, whose attributes apply to it."""
    return [name, *(parent.as_posix() for parent in Path(name).parents[:-1])]


def export_ignored(paths: set[str]) -> set[str]:
    """Return the paths that `.gitattributes` marks `export-ignore`."""
    answer = git("check-attr", "-z", "--stdin", "export-ignore", stdin="\0".join(sorted(paths))).split("\0")
    return {path for path, value in zip(answer[::3], answer[2::3], strict=False) if value == "set"}


def add(archive: zipfile.ZipFile, name: str) -> None:
    """Add one file to the archive, with its executable bit."""
    file = ROOT / name
    entry = zipfile.ZipInfo(re.sub(rf"^{PACKAGE}/", "project_name/", name), FIXED_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = file.stat().st_mode << 16
    archive.writestr(entry, exported(name, file.read_bytes()))


def exported(name: str, content: bytes) -> bytes:
    """Return a file's content for the archive."""
    if name.endswith(".py"):
        return content.replace(PACKAGE.encode(), VARIABLE.encode())
    return content


def git(*arguments: str, stdin: str = "") -> str:
    """Run git in this repository and return its output; exit if it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
