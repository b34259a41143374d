"""Source files of the apps, as they are now, for the pages that show them."""

import ast
from pathlib import Path
from typing import NamedTuple

from django.apps import apps

KINDS = {".py", ".html", ".js", ".css"}
MAX_BYTES = 32 * 1024


class Source(NamedTuple):
    """The text of a file, or of one class or function `part` of it. `path` starts at the project's folder."""

    path: str
    part: str
    text: str


def read(name: str) -> Source | None:
    """
    Return a source as it is now, or None if its app is not installed or has no such file or part.

    `name` is the app and the path in its folder, and perhaps one class or function of the file:
    "feed/views.py" or "feed/views.py:FeedStream". Names are constants of the guide, never part of a
    request. Raises `ValueError` for another kind of file, a file outside of the app's folder, and a
    file larger than 32 KiB.
    """
    path, _, part = name.partition(":")
    app, _, inside = path.partition("/")
    if not apps.is_installed(f"apps.{app}"):
        return None
    folder = Path(apps.get_app_config(app).path).resolve()
    file = (folder / inside).resolve()
    if not file.is_relative_to(folder) or file.suffix not in KINDS:
        raise ValueError(f"{inside} is not a source of {app} that may be shown.")
    if not file.is_file():
        return None
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES:,} bytes: name one class or function of it.")
    text = file.read_text()
    found = cut(text, part) if part else text
    return found and Source(f"apps/{path}", part, found)


def cut(text: str, name: str) -> str | None:
    """Return the class or function of that name, with its decorators, or None if there is none."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"
    return None
