"""Projects of earlier commits of this repository, with a team's changes, are upgraded to the working tree."""

import sys

import pytest

from tests.servers import ROOT

from .upgrading import adopt, commit, copy_work, edit, git, need_history, run, start, upgrade, write

pytestmark = pytest.mark.soak

# Before the manifest: before and after the template's tests moved out of a project.
FIRST, MOVED = "f482f50", "a8bcd78"
WITH_MANIFEST = "14ca050"
ADD_USER = """
from apps.accounts.models import User
from apps.feed.models import Post
Post.objects.create(author=User.objects.create_user("ada", password="correct horse"), text="Hello")
"""
READ_POST = """
from django.test import Client
client = Client(SERVER_NAME="localhost")
client.post("/accounts/login/", {"login": "ada", "password": "correct horse"})
print(client.get("/").wsgi_request.user, "Hello" in client.get("/feed/").text)
"""
ADMINDOCS = '"django.contrib.messages",\n    "django.contrib.admindocs",'
PINNED = "    is_pinned = models.BooleanField(default=False)\n"


@pytest.fixture(scope="module")
def present(tmp_path_factory):
    """A clone of this repository with the working tree and its manifest committed."""
    folder = tmp_path_factory.mktemp("present") / "template"
    need_history()
    git(ROOT, "clone", "--quiet", ROOT, folder)
    copy_work(folder)
    run(folder, sys.executable, "-m", "template.manifest")
    commit(folder, "Present")
    return folder


def template_at(commit_id, present, folder):
    """Return a clone of this repository at a commit, with its manifest if that version has one."""
    git(present, "clone", "--quiet", present, folder)
    git(folder, "checkout", "--quiet", commit_id)
    if (folder / "template/manifest.py").exists():
        run(folder, sys.executable, "-m", "template.manifest")
        commit(folder, "Manifest")
    return folder


def made_from(door, old, folder):
    """Make a project named shop; return it and its archive."""
    archive = old.parent / f"{door}.zip"
    if door == "zip":
        build = next(path for path in ("template/build.py", ".template/build.py") if (old / path).exists())
        run(old, sys.executable, build)
        (old / "dist/project_template.zip").rename(archive)
    else:
        git(old, "archive", "--prefix=template-main/", "--output", archive, "HEAD")
    project = start(archive, folder, name="shop")
    if door == "archive":
        (project / "project_template").rename(project / "shop")
        for file in project.rglob("*.py"):
            file.write_text(file.read_text().replace("project_template", "shop"))
    return adopt(project), archive


def work_on(project):
    """Change the project as its team does."""
    edit(project, "shop/settings.py", '"django.contrib.messages",', ADMINDOCS)
    edit(project, "templates/base.html", "Skip to content", "To the text")
    edit(project, "apps/feed/models.py", "    image =", f"{PINNED}    image =")
    manage(project, "makemigrations", "feed", "--name", "pinned")
    manage(project, "startapp", "wall", "--live")
    write(project, {"apps/tasks": None})
    edit(project, "shop/settings.py", '    "apps.tasks",\n', "")
    edit(project, "shop/urls.py", '    path("", include("apps.tasks.urls")),\n', "")
    commit(project)
    manage(project, "migrate")
    manage(project, "shell", "-c", ADD_USER)


def manage(project, *arguments):
    """Run a command of the project, with its database."""
    return run(project, sys.executable, "manage.py", *arguments, DEBUG="1")


@pytest.mark.parametrize(
    ("made_of", "door", "needs_base"),
    [(FIRST, "zip", True), (MOVED, "archive", True), (WITH_MANIFEST, "zip", False)],
)
def test_a_project_of_an_earlier_commit_is_upgraded_and_its_tests_pass(
    made_of, door, needs_base, present, tmp_path
):
    old = template_at(made_of, present, tmp_path / "old")
    project, archive = made_from(door, old, tmp_path / "shop")
    work_on(project)
    base = [f"BASE={archive}"] if needs_base else []
    printed = upgrade(project, *base, f"FROM={present}", program=present / "bin/upgrade")
    print(printed)
    assert "Conflicts" not in printed, "A line that work_on() changes has changed here: choose another one."
    assert "not merged" not in printed
    assert ADMINDOCS in (project / "shop/settings.py").read_text()
    assert "To the text" in (project / "templates/base.html").read_text()
    assert PINNED in (project / "apps/feed/models.py").read_text()
    assert not (project / "apps/tasks").exists()
    assert "makemigrations --merge" in printed
    manage(project, "makemigrations", "--merge", "--noinput")
    # By hand, as the changelog says: mypy did not check this app before, and the login has other names.
    edit(project, "pyproject.toml", '"/migrations/"', '"/migrations/", "/wall/"')
    edit(project, "apps/wall/tests/test_page.py", 'reverse("login")', 'reverse("account_login")')
    for test in project.rglob("test_wall.py"):
        text = test.read_text().replace("[name=username]", "[name=login]")
        # That test opened its second page without waiting for the login.
        test.write_text(
            text.replace(
                'click("main button")\n', 'click("main button")\n    page.get_by_label("Text").wait_for()\n'
            )
        )
    commit(project)
    assert "nothing to do" in upgrade(project, f"FROM={present}")
    manage(project, "migrate")
    assert "ada True" in manage(project, "shell", "-c", READ_POST)
    (project / ".venv").symlink_to(ROOT / ".venv")
    (ROOT / ".venv/ready").touch()
    run(project, "make", "check")
    run(project, "make", "test")
