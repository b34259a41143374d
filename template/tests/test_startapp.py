"""`manage.py startapp` creates an app that works, in this project and in a generated one."""

import re
import shutil

import pytest
from django.core.management import CommandError, call_command

from template.tests.shell import run_python
from tests.servers import ROOT

LEFT_OUT = shutil.ignore_patterns(".*", "node_modules", "__pycache__", "dist", "bench")


def start_app(folder, *arguments, **options):
    return run_python(folder, "manage.py", "startapp", *arguments, **options)


@pytest.fixture
def copy(tmp_path):
    """A copy of the project that a test may edit."""
    return shutil.copytree(ROOT, tmp_path / "a copy", ignore=LEFT_OUT)


@pytest.fixture
def generated(tmp_path):
    """A project that was generated from this one."""
    run_python(tmp_path, "-m", "django", "startproject", "--template", str(ROOT), "another")
    return tmp_path / "another"


@pytest.mark.parametrize("project", ["copy", pytest.param("generated", marks=pytest.mark.soak)])
def test_a_new_app_of_either_kind_passes_checks_and_its_tests(project, request):
    folder = request.getfixturevalue(project)
    assert "Add this" not in start_app(folder, "blog_posts") + start_app(folder, "wall", "--live")
    made = ["apps/blog_posts", "apps/wall"]
    changed = [str(file) for name in ("settings", "urls") for file in folder.glob(f"*/{name}.py")]
    run_python(folder, "-m", "ruff", "check", "--no-cache", *made, *changed)
    run_python(folder, "-m", "ruff", "format", "--check", "--no-cache", *made, *changed)
    run_python(folder, "-m", "mypy", f"--cache-dir={ROOT}/.mypy_cache", *made)
    run_python(folder, "manage.py", "check", DEBUG="1")
    run_python(folder, "manage.py", "makemigrations", "--check", "--dry-run")
    assert "6 passed" in run_python(folder, "-m", "pytest", "-n0", "-v", "-p", "no:cacheprovider", *made)


def test_migrations_are_created_and_applied_by_plain_commands_and_pass_lint(copy):
    start_app(copy, "wall", "--live")
    with (copy / "apps/wall/models.py").open("a") as models:
        models.write("""

class Note(models.Model):
    item = models.OneToOneField(Item, models.CASCADE, primary_key=True, related_name="note", help_text="An item")

    def __str__(self) -> str:
        return str(self.item)
""")
    run_python(copy, "manage.py", "makemigrations")
    assert "Applying wall.0002_note... OK" in run_python(copy, "manage.py", "migrate")
    run_python(copy, "-m", "ruff", "check", "--no-cache", "apps/wall")
    run_python(copy, "-m", "ruff", "format", "--check", "--no-cache", "apps/wall")


def test_a_configured_project_does_not_migrate_in_development_mode(copy):
    assert "SECRET_KEY is not set" in run_python(
        copy, "manage.py", "migrate", fails=True, DATABASE_URL="sqlite:///x.db"
    )
    (copy / ".env").touch()
    assert "SECRET_KEY is not set" in run_python(copy, "manage.py", "migrate", fails=True)


def test_startapp_prints_the_lines_that_it_cannot_add(copy):
    [urls] = [file for file in copy.glob("*/urls.py") if (file.parent / "settings.py").exists()]
    text = urls.read_text().replace("urlpatterns = [", "urlpatterns = list() + [")
    urls.write_text(text)
    printed = start_app(copy, "shop", "--live")
    assert "Add this to urlpatterns in " in printed
    assert printed.count('path("", include("apps.shop.urls")),') == 1
    assert urls.read_text() == text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Shop", "'Shop' is not a valid app name"),
        ("2shop", "'2shop' is not a valid app name"),
        ("class", "'class' is not a valid app name"),
        ("my-shop", "'my-shop' is not a valid app name"),
        ("../shop", "'../shop' is not a valid app name"),
        ("accounts", "An app named 'accounts' already exists"),
        ("sessions", "An app named 'sessions' already exists"),
        ("calendar", "A Python module named 'calendar' already exists"),
        ("left_over", "The folder apps/left_over already exists"),
    ],
)
def test_an_invalid_app_name_is_refused_and_nothing_is_changed(name, reason, settings, tmp_path):
    settings.BASE_DIR = tmp_path
    (tmp_path / "apps" / "left_over").mkdir(parents=True)
    with pytest.raises(CommandError, match=re.escape(reason)):
        call_command("startapp", name)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
