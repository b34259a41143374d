"""The structure of the project: the packages of the library, and which imports are allowed."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

from tests.servers import ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
# The other apps are samples.
BASE_APPS = {"accounts", "dev", "operations", "site", "sse"}
SAMPLE_APPS = sorted({file.parent.name for file in ROOT.glob("apps/*/apps.py")} - BASE_APPS)

# The packages and modules of the library, each of which may import the ones before it.
LIBRARY = [
    "conf",
    "wire",
    "databases",
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
    "__init__",
    "doctor",
    "admin",
    "urls",
    "templatetags",
    "testing",
    "management",
    "apps",
]
# Folders without modules that the library imports.
APART = {"client", "migrations"}
# Names of loggers and salts look like names in this module.
FRONT = ROOT / "apps/sse/__init__.py"
SOURCES = [file for file in (ROOT / "apps").rglob("*.py") if not {"tests", "node_modules"} & {*file.parts}]
OWN_LIBRARY = [file for file in SOURCES if file.is_relative_to(ROOT / "apps/sse")]


def imported(file: Path) -> set[str]:
    """Return the dotted names that a file imports anywhere, including those that it has as strings."""
    package = file.relative_to(ROOT).parts[:-1]
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*parents, *filter(None, [node.module])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and re.fullmatch(r"apps(\.\w+)+", str(node.value)):
            names |= {node.value} if module_of(node.value) not in (None, FRONT) else set()
    return names


def part_of_library(name: str) -> str:
    """Return the entry of LIBRARY in which an imported name is; what no module has is in `__init__`."""
    part = f"{name}.".split(".")[2]
    return part if part in LIBRARY else "__init__"


def module_of(name: str) -> Path | None:
    """Return the file of the module that an imported name is, or is in."""
    path = ROOT.joinpath(*name.split("."))
    candidates = [file for base in (path, path.parent) for file in (base.with_suffix(".py"), base / "__init__.py")]
    return next((file for file in candidates if file.is_file()), None)


def test_the_list_of_packages_is_complete():
    # A folder without sources is left from another version.
    found = {file.relative_to(ROOT / "apps/sse").parts[0].removesuffix(".py") for file in OWN_LIBRARY}
    assert found - APART == set(LIBRARY)


@pytest.mark.parametrize("module", LIBRARY)
def test_imports_within_the_library_point_one_way(module):
    folder = ROOT / "apps/sse" / module
    files = [*folder.rglob("*.py")] if folder.is_dir() else [folder.with_suffix(".py")]
    names = {name for file in files for name in imported(file)}
    own = {part_of_library(name) for name in names if f"{name}.".startswith("apps.sse.")}
    assert own - {module} <= set(LIBRARY[: LIBRARY.index(module)])


def test_no_module_imports_itself_through_others():
    imports = {file: {module_of(name) for name in imported(file)} - {None, file} for file in SOURCES}
    graphlib.TopologicalSorter(imports).prepare()


def test_importing_a_module_of_the_library_registers_nothing_in_another():
    """Django's signals and decorators may be used at import; all else is connected in `apps.py`."""
    found = []
    for file in OWN_LIBRARY:
        tree = ast.parse(file.read_text())
        own = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.level or str(node.module).startswith("apps."))
            for alias in node.names
        }
        found += [
            f"{file.relative_to(ROOT)}: {ast.unparse(node)}" for node in tree.body for node in changes(node, own)
        ]
    assert found == []


def changes(statement: ast.stmt, own: set[str]):
    """Yield the parts of a module's statement that change an object with one of the names `own`."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield from [statement] if root_of(statement.value) in own else []
    elif isinstance(statement, ast.Assign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target for target in targets if not isinstance(target, ast.Name) and root_of(target) in own)
    elif isinstance(statement, ast.For | ast.With | ast.If | ast.Try):
        yield from (part for child in statement.body for part in changes(child, own))
    for decorator in getattr(statement, "decorator_list", []):
        # `shared` returns a function and registers nothing.
        yield from [decorator] if root_of(decorator) in own - {"shared"} else []


def root_of(node: ast.expr) -> str:
    """Return the name at which an expression begins, such as `a` of `a.b[0]()`."""
    while not isinstance(node, ast.Name):
        node = node.func if isinstance(node, ast.Call) else getattr(node, "value", ast.Name(""))
    return node.id


@pytest.mark.parametrize("app", SAMPLE_APPS)
def test_a_sample_app_imports_nothing_of_ours_but_the_library_and_itself(app):
    """Of the library it imports the public names, the test kit aside; `cp -r` takes it to another project."""
    files = [file for file in SOURCES if file.is_relative_to(ROOT / "apps" / app)]
    ours = {name for file in files for name in imported(file) if name.startswith("apps.")}
    assert {
        name for name in ours if not re.match(rf"apps\.({app}(\.|$)|sse\.\w+$|operations\.spreadsheets\.)", name)
    } == set()
    assert {part_of_library(name) for name in ours if name.startswith("apps.sse.")} <= {"__init__"}


def test_the_accounts_import_only_the_library_the_mails_and_the_guard_of_development_databases():
    files = [file for file in SOURCES if file.is_relative_to(ROOT / "apps/accounts")]
    ours = {name for file in files for name in imported(file) if name.startswith("apps.")}
    others = {name for name in ours if not name.startswith("apps.accounts")}
    library = {"apps.sse.address_of", "apps.sse.close_streams", "apps.sse.publish_html"}
    assert others == library | {"apps.dev.database.refuse_foreign_database", "apps.operations.mail"}


def test_the_library_imports_nothing_of_ours_but_itself():
    ours = {name for file in OWN_LIBRARY for name in imported(file) if name.startswith("apps.")}
    assert {name for name in ours if not name.startswith("apps.sse")} == set()


def test_the_table_of_packages_has_the_order_of_their_imports():
    table = CONTRIBUTING.partition("| `apps/sse/` |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == LIBRARY[::-1]


@pytest.mark.parametrize(
    ("start", "maximum"), [("An event, from", 11), ("A connection, from", 18), ("The end of a stream;", 8)]
)
def test_the_call_paths_name_functions_that_exist(start, maximum):
    steps = CONTRIBUTING.partition(f"\n{start}")[2].partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert 0 < len(steps) <= maximum
    for number, step in enumerate(steps, 1):
        [(name, file)] = re.findall(rf"^{number}\. `([\w.]+)` \(`([\w./]+)`\)", step)
        assert name in definitions(ast.parse((ROOT / "apps/sse" / file).read_text())), step


def definitions(node: ast.AST, prefix: str = "") -> set[str]:
    """Return the names of functions and classes, such as `f` and `Class.method`."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    own = [child for child in ast.iter_child_nodes(node) if isinstance(child, kinds)]
    return {f"{prefix}{child.name}" for child in own}.union(*(definitions(c, f"{prefix}{c.name}.") for c in own))


def test_what_to_add_names_files_that_exist():
    text = CONTRIBUTING.partition("\n## Adding something\n")[2].partition("\n## ")[0]
    files = [file for file in re.findall(r"`([\w./]+\.\w+|[\w/]+/src)`", text) if "NAME" not in file]
    assert len(files) >= 8
    assert [f for f in files if not (ROOT / "apps/sse" / f).exists() and not (ROOT / f).exists()] == []


def test_no_source_file_is_longer_than_300_lines():
    left_out = {"node_modules", "dist"}
    files = [f for kind in ("py", "js", "cjs", "mjs", "ts", "c") for f in ROOT.glob(f"[!.]*/**/*.{kind}")]
    files = [file for file in files if not left_out & {*file.relative_to(ROOT).parts[1:]}]
    assert len(files) > 400
    assert [file for file in files if len(file.read_text().splitlines()) > 300] == []


def test_files_end_their_lines_with_a_line_feed():
    written = [
        f for kind in ("py", "html", "css", "js", "md", "toml", "sh") for f in ROOT.glob(f"[!.]*/**/*.{kind}")
    ]
    files = [file for file in written if "node_modules" not in file.parts]
    assert len(files) > 50
    assert [file for file in files if b"\r\n" in file.read_bytes()] == []
