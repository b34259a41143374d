"""Source files of the apps, read each time a page shows them. Requests cannot name a file."""

import ast
from pathlib import Path
from typing import NamedTuple

APPS = Path(__file__).resolve().parent.parent


class Source(NamedTuple):
    """The text of a file, or of the class or function `part` of it."""

    path: str
    part: str
    text: str


def read(name: str) -> Source | None:
    """
    Return a source, or None if its app was removed or the file has no such part.

    `name` is a path in `apps`, or one class or function: "feed/feed.py", "feed/views.py:FeedStream".
    """
    path, _, part = name.partition(":")
    if not (APPS / path).is_file():
        return None
    text = (APPS / path).read_text()
    found = extract(text, part) if part else text
    return Source(f"apps/{path}", part, found) if found else None


def extract(text: str, name: str) -> str | None:
    """Return the class or function `name` with its decorators, or None if it does not exist."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"
    return None
