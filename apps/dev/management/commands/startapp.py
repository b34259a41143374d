"""Creates an app in this project, in place of Django's command of this name."""

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
    """Add a line to a list after the last of its kind; False if there is none or the list has another form."""
    text = file.read_text(encoding="utf-8")
    start = text.find(f"\n{variable} = [\n")
    kind = line.partition("apps.")[0]
    last = text.rfind(f"\n    {kind}apps.", start, text.find("\n]\n", start)) if start >= 0 else -1
    end = text.find("\n", last + 1)
    if last < 0 or text[end - 1] != ",":
        return False
    file.write_text(f"{text[:end]}\n    {line}{text[end:]}", encoding="utf-8", newline="\n")
    return True


def _file_of(module: str) -> Path:
    return Path(inspect.getfile(importlib.import_module(module)))
