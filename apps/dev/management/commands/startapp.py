"""Creates an app in this project, in place of Django's command of this name."""

import ast
import importlib.util
import inspect
import keyword
import re
import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.dev.database import refuse_foreign_database

TEMPLATE = Path(__file__).resolve().parents[2] / "app_template"
# Not Django's `.py-tpl`, which startproject would rename to `.py`.
SUFFIX = ".tpl"
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class Command(BaseCommand):
    """Writes `apps/NAME`, empty or with a live list, and adds it to the settings and to the URLs of the site."""

    help = "Creates apps/NAME and adds it to INSTALLED_APPS; with --live also a page, streams, tests and URLs."

    def add_arguments(self, parser):
        parser.add_argument("name", help="the app's name: lower-case letters, digits and underscores")
        live = "a list that updates on every open page, a count in the header, streams and a browser test"
        parser.add_argument("--live", action="store_true", help=live)

    def handle(self, *, name, live, **options):
        check_name(name)
        files = render_files(name, live)
        for target, text in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        self.stdout.write(self.style.SUCCESS(f"Created apps/{name}."))
        for file, variable, line in additions(name, live):
            where = f"{variable} in {file.relative_to(settings.BASE_DIR)}"
            if add_to_list(file, variable, line):
                self.stdout.write(f"Added to {where}: {line}")
            else:
                self.stdout.write(self.style.WARNING(f"Add this to {where}: {line}"))
        if live:
            self.go_live(name)

    def go_live(self, name: str) -> None:
        """Migrate, add the count to the header, and print the next steps."""
        self.migrate(name)
        self.add_to_header(name)
        self.stdout.write(f"See it: make run, then open /{name}/")
        self.stdout.write(f"Test it: make test ARGS=apps/{name}")

    def migrate(self, name: str) -> None:
        """Migrate the development database, in a new process with the new settings."""
        try:
            refuse_foreign_database()
        except CommandError:
            self.stdout.write(self.style.WARNING(f"Run: python manage.py migrate {name}"))
        else:
            subprocess.run([sys.executable, "manage.py", "migrate", name], cwd=settings.BASE_DIR, check=False)

    def add_to_header(self, name: str) -> None:
        """Add the link with the count to the header of every page, or print what to add."""
        base = settings.BASE_DIR / "templates" / "base.html"
        line = (TEMPLATE / "header.html").read_text(encoding="utf-8").strip().replace("app_name", name)
        text = base.read_text(encoding="utf-8") if base.exists() else ""
        navigation, end, rest = text.partition("      </nav>\n")
        if end and 'id="site-nav"' in navigation:
            base.write_text(f"{navigation}        {line}\n{end}{rest}", encoding="utf-8", newline="\n")
            self.stdout.write("Added to the header in templates/base.html: the link with the count")
        else:
            self.stdout.write(self.style.WARNING(f"Add this to the header in templates/base.html: {line}"))


def check_name(name: str) -> None:
    """Raise `CommandError` unless an app can have this name."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise CommandError(
            f"{name!r} is not a valid app name. Use lower-case letters, digits and underscores, start with a "
            "letter, and avoid Python keywords. Examples: shop, blog_posts."
        )
    if apps.is_installed(f"apps.{name}") or name in apps.app_configs:
        raise CommandError(f"An app named {name!r} already exists. Choose another name.")
    if importlib.util.find_spec(name):
        raise CommandError(f"A Python module named {name!r} already exists. Choose another name.")
    if (settings.BASE_DIR / "apps" / name).exists():
        raise CommandError(f"The folder apps/{name} already exists. Move it away or choose another name.")


def render_files(name: str, live: bool) -> dict[Path, str]:
    """Return the content of the app's files by path."""
    names = {
        "app_name": name,
        "AppName": "".join(part.capitalize() for part in name.split("_")),
        "App title": name.replace("_", " ").strip().capitalize(),
    }
    files = {}
    for folder in (TEMPLATE / "every", TEMPLATE / "live") if live else (TEMPLATE / "every",):
        for source in sorted(folder.rglob(f"*{SUFFIX}")):
            path = source.relative_to(folder).as_posix().removesuffix(SUFFIX).replace("app_name", name)
            pattern = re.compile("|".join(names))
            text = pattern.sub(lambda found: names[found[0]], source.read_text(encoding="utf-8"))
            files[settings.BASE_DIR / "apps" / name / path] = text
    return files


def additions(name: str, live: bool) -> list[tuple[Path, str, str]]:
    """Return the lines that an app needs elsewhere: the file, the list in it, and the line."""
    installed = (_file_of(settings.SETTINGS_MODULE), "INSTALLED_APPS", f'"apps.{name}",')
    routed = (_file_of(settings.ROOT_URLCONF), "urlpatterns", f'path("", include("apps.{name}.urls")),')
    return [installed, routed] if live else [installed]


def add_to_list(file: Path, variable: str, line: str) -> bool:
    """
    Add a line to a list in a Python file, after the last line that names an app of this project.

    Returns False, and changes nothing, if the list does not have one element in each line.
    """
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and _names(node) == [variable]
    ]
    elements = lists[0].elts if len(lists) == 1 else []
    ours = [each for each in elements if "apps." in (ast.get_source_segment(source, each) or "")]
    if not ours or not _imports_names(tree, line):
        return False
    lines = source.splitlines(keepends=True)
    end = ours[-1].end_lineno or 0
    last = lines[end - 1]
    if last.strip() != f"{ast.get_source_segment(source, ours[-1])},":
        return False
    indent = last[: len(last) - len(last.lstrip())]
    lines.insert(end, f"{indent}{line}\n")
    file.write_text("".join(lines), encoding="utf-8", newline="\n")
    return True


def _names(assignment: ast.Assign) -> list[str]:
    return [target.id for target in assignment.targets if isinstance(target, ast.Name)]


def _imports_names(tree: ast.Module, line: str) -> bool:
    """Return whether the file imports every name in the line."""
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return {node.id for node in ast.walk(ast.parse(f"[{line}]")) if isinstance(node, ast.Name)} <= imported


def _file_of(module: str) -> Path:
    return Path(inspect.getfile(importlib.import_module(module)))
