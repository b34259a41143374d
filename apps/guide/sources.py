"""Files of the apps, as they are now, for a page that shows what runs beside what it does."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from django.apps import apps

KINDS = {".py", ".html", ".js", ".css"}
MOST_BYTES = 32 * 1024


class Shown(NamedTuple):
    """A source with the name under which a reader finds it."""

    name: str
    text: str


@dataclass(frozen=True)
class Source:
    """
    A file of an app, or `only` a class or function of it.

    Which ones there are is written in `contents.py`. No request names a file, so that list is all
    that can be read.
    """

    app: str
    path: str
    only: str = ""


def read(source: Source) -> Shown | None:
    """
    Return a source as it is now, or None if its app is not installed or has no such file.

    Raises `ValueError` for what is not source text of that app: another kind of file, one that is
    outside of the app's folder, or larger than 32 KiB.
    """
    if not apps.is_installed(f"apps.{source.app}"):
        return None
    folder = Path(apps.get_app_config(source.app).path).resolve()
    file = (folder / source.path).resolve()
    if not file.is_relative_to(folder) or file.suffix not in KINDS:
        raise ValueError(f"{source.path} is not among the sources of {source.app} that may be shown.")
    if not file.is_file():
        return None
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{source.path} is larger than {MOST_BYTES:,} bytes: show `only` a part of it.")
    text = file.read_text()
    name = f"apps/{source.app}/{source.path}"
    if not source.only:
        return Shown(name, text)
    found = part(text, source.only)
    return found and Shown(f"{name}: {source.only}", found)


def part(text: str, name: str) -> str | None:
    """Return the class or function of that name, with its decorators, or None if there is none."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"
    return None
