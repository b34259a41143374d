"""`apps/sse` and `apps/feed` in a project of plain Django: replacing their folders upgrades them."""

import shutil
import sys
import tarfile

import pytest

from apps.sse import __version__
from template.build import exported_files
from tests.servers import ROOT

from .upgrading import edit, git, need_history, run, write

APPS = ["apps/sse", "apps/feed"]
BASE = """<% load sse %><!doctype html>
<html lang="en" dj-sse-share-key="<% sse_share_key %>">
<head><title><% block title %><% endblock %></title><% sse_script %><% block head %><% endblock %></head>
<body><% block content %><% endblock %></body>
</html>
"""
POST = """
import sys
import django
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from apps import sse
from apps.sse.testing import StreamClient
call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING")
client = Client(SERVER_NAME="localhost")
client.force_login(get_user_model().objects.get_or_create(username="lin")[0])
with StreamClient(client).open("/api/feed/stream/") as stream:
    client.post("/feed/", {"text": sys.argv[1]})
    assert sys.argv[1] in str(stream.next().data)
print(getattr(sse, "__version__", ""), client.get("/feed/").text)
"""
MIGRATION = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("{}", "{}")]
"""


@pytest.fixture
def project(tmp_path):
    """A project of plain Django with the lines of apps/sse/README.md."""
    run(tmp_path, sys.executable, "-m", "django", "startproject", "mysite", ".")
    with (tmp_path / "mysite/settings.py").open("a") as settings:
        settings.write(
            'ALLOWED_HOSTS = ["*"]\nINSTALLED_APPS += ["apps.sse", "apps.feed"]\nMEDIA_URL = "media/"\n'
        )
        settings.write('MEDIA_ROOT = BASE_DIR / "media"\nTEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]\n')
    with (tmp_path / "mysite/urls.py").open("a") as urls:
        urls.write('from django.urls import include\n\nurlpatterns += [path("", include("apps.feed.urls"))]\n')
    # Python files must not contain template syntax, which startproject renders.
    base = BASE.replace("<%", "{" + "%").replace("%>", "%" + "}")
    write(tmp_path, {"templates/base.html": base, "templates/time.html": "", "post.py": POST})
    return tmp_path


def copy_present(project):
    """Replace both apps with the exported files of the working tree."""
    for app in APPS:
        shutil.rmtree(project / app, ignore_errors=True)
    for name in exported_files():
        if name.startswith(tuple(f"{app}/" for app in APPS)):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project / name)


def copy_next(project):
    """Turn both apps into a newer version with migrations."""
    for app in APPS:
        newest = max((project / app / "migrations").glob("0*.py")).stem
        write(project, {f"{app}/migrations/9999_next.py": MIGRATION.format(app.removeprefix("apps/"), newest)})
    edit(project, "apps/sse/__init__.py", __version__, "99.0.0")


def copy_first(project):
    """Copy both apps from a commit without a version."""
    need_history()
    git(ROOT, "archive", "--format=tar", "--output", project / "first.tar", "b25d5bd", *APPS)
    with tarfile.open(project / "first.tar") as opened:
        opened.extractall(project, filter="data")


def post(project, text):
    """Migrate, post, receive the post from a stream, and return the version and the page."""
    return run(project, sys.executable, "post.py", text, DJANGO_SETTINGS_MODULE="mysite.settings")


@pytest.mark.parametrize(
    ("before", "after", "version"),
    [
        (copy_present, copy_next, "99.0.0"),
        pytest.param(copy_first, copy_present, __version__, marks=pytest.mark.soak),
    ],
)
def test_copied_apps_are_upgraded_by_replacing_their_folders_and_migrate(before, after, version, project):
    before(project)
    post(project, "Written before")
    after(project)
    page = post(project, "Written after")
    assert f"{version} <!doctype html>" in page
    assert page.index("Written after") < page.index("Written before")
    assert f"## [{__version__}]" in (project / "apps/sse/CHANGELOG.md").read_text()
    if after is copy_present:
        run(project, sys.executable, "manage.py", "makemigrations", "--check", "--dry-run")
