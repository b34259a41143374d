"""The shape that keeps the project easy to walk: who may import whom, and what files hold."""

import ast
import re
from pathlib import Path

import pytest

from tests.servers import ROOT

SAMPLE_APPS = ["dashboard", "feed", "guide", "notifications", "tasks"]

# The packages and modules of the library, each of which may import the ones before it.
LIBRARY = [
    "conf",
    "wire",
    "db",
    "models",
    "brokers",
    "stats",
    "delivery",
    "stream",
    "access",
    "servers",
    "checks",
    "asgi",
    "http",
    "publishing",
    "pages",
    "views",
    "open_streams",
    "doctor",
    "urls",
    "admin",
    "templatetags",
    "testing",
    "management",
    "apps",
    "__init__",
]
# No part of the library's imports.
APART = {"tests", "client", "migrations", "static", "templates", "__pycache__"}


def imported(file: Path) -> set[str]:
    """Return the full names of the modules that a file imports."""
    package = ".".join(file.relative_to(ROOT).parts[:-1])
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            names |= {f"{base}{node.module}"} if node.module else {f"{base}{a.name}" for a in node.names}
    return names


def test_the_list_of_packages_is_complete():
    found = {path.stem for path in (ROOT / "apps/sse").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert found - APART == set(LIBRARY)


@pytest.mark.parametrize("module", LIBRARY)
def test_imports_within_the_library_point_one_way(module):
    folder = ROOT / "apps/sse" / module
    files = [*folder.rglob("*.py")] if folder.is_dir() else [folder.with_suffix(".py")]
    names = {name for file in files for name in imported(file)}
    own = {name.split(".")[2] for name in names if name.startswith("apps.sse.")}
    assert own - {module} <= set(LIBRARY[: LIBRARY.index(module)])


@pytest.mark.parametrize("app", SAMPLE_APPS)
def test_a_sample_app_imports_nothing_of_ours_but_the_library_and_itself(app):
    files = [file for file in (ROOT / "apps" / app).rglob("*.py") if "tests" not in file.parts]
    ours = {name for file in files for name in imported(file) if name.startswith("apps.")}
    assert {name for name in ours if not re.match(rf"apps\.({app}(\.|$)|sse$)", name)} == set()


def test_the_library_imports_nothing_of_ours_but_itself():
    files = [file for file in (ROOT / "apps/sse").rglob("*.py") if "tests" not in file.parts]
    ours = {name for file in files for name in imported(file) if name.startswith("apps.")}
    assert {name for name in ours if not name.startswith("apps.sse")} == set()


def test_files_end_their_lines_with_a_line_feed():
    written = [
        f for kind in ("py", "html", "css", "js", "md", "toml", "sh") for f in ROOT.glob(f"[!.]*/**/*.{kind}")
    ]
    files = [file for file in written if "node_modules" not in file.parts]
    assert len(files) > 50
    assert [file for file in files if b"\r\n" in file.read_bytes()] == []
