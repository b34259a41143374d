"""Versions of a small template, and projects that are made from them and upgraded."""

import re
import shutil
import sys

from template.tests.shell import run
from tests.servers import ROOT

MIGRATION = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = {}\n"
NUMBERS = "".join(f"line {number}\n" for number in range(1, 61))


def git(folder, *arguments, **options):
    """Run git with an author's name and return its output."""
    author = ("-c", "user.name=Lin", "-c", "user.email=lin@example.com")
    return run(folder, "git", *author, *arguments, **options)


def paths_of(folder, *options):
    """Return the paths of a repository's files, including new ones."""
    listed = git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *options).split("\0")
    return {path for path in listed[:-1] if (folder / path).is_file()}


def tree(folder):
    """Return the contents of a project's files."""
    return {path: (folder / path).read_bytes() for path in paths_of(folder)}


def commit(folder, subject="Work"):
    """Commit all files of a folder."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", subject)


def adopt(folder):
    """Commit a new project to a git repository."""
    git(folder, "init", "--quiet")
    commit(folder, "Start")
    return folder


def write(folder, files):
    """Write texts into files; None deletes a file or a folder."""
    for path, text in files.items():
        file = folder / path
        if text is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        elif file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()


def edit(folder, path, old, new):
    """Replace the first occurrence of a text in a file."""
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1))


def copy_work(folder):
    """Give a clone of this repository the files of the working tree."""
    kept = paths_of(ROOT)
    for path in paths_of(folder) - kept:
        (folder / path).unlink()
    for path in kept:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)


def need_history():
    """Fail if this repository is a shallow clone."""
    is_shallow = git(ROOT, "rev-parse", "--is-shallow-repository") == "true\n"
    assert not is_shallow, "This test needs earlier commits. Run: git fetch --unshallow"


def small_template(folder):
    """Copy a part of this repository into a git repository, from which projects are made quickly."""
    left_out = ("apps", "bench", "deploy", "docs", "static", "templates", "tests", "template/tests")
    for path in paths_of(ROOT):
        if path in ("apps/sse/__init__.py", "apps/feed/models.py") or not path.startswith(
            tuple(f"{part}/" for part in left_out)
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)
    git(folder, "init", "--quiet")


def release(folder, version, by_hand):
    """Commit and tag a version of the template, and build its zip."""
    file = folder / "apps/sse/__init__.py"
    file.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', file.read_text()))
    edit(folder, "CHANGELOG.md", "\n## ", f"\n## [{version}] - 2027-01-01\n\n### By hand\n\n- {by_hand}\n\n## ")
    run(folder, sys.executable, "-m", "template.manifest")
    commit(folder, version)
    git(folder, "tag", version)
    run(folder, sys.executable, "-m", "template.build")
    shutil.move(folder / "dist/project_template.zip", zip_of(folder, version))


def zip_of(template, version):
    """Return the path of a version's zip."""
    return template.with_name(f"{version}.zip")


def start(template, folder, name="core", **variables):
    """Make a project in a folder; its default name is also that of a module of Django."""
    folder.mkdir(parents=True)
    arguments = ("startproject", "--template", template, name, ".")
    run(folder, sys.executable, "-m", "django", *arguments, **variables)
    return folder


def upgrade(project, *options, program="bin/upgrade", fails=False, **variables):
    """Run an upgrade and return what it printed."""
    return run(project, sys.executable, program, *options, fails=fails, **variables)


def two_versions(folder):
    """Make a small template in a folder, with the versions 1.1.0 and 1.2.0, and return the folder."""
    small_template(folder)
    names = ("replaced", "deleted", "moved", "merged", "conflict", "gone")
    write(folder, {f"pages/{name}.txt": f"{name}\n{NUMBERS}" for name in names})
    write(folder, {"apps/old/one.txt": "one\n", "pages/script": "#!/bin/sh\n"})
    write(folder, {"project_template/here.py": "if 'name'   : NAME = 'project_template'\n"})
    write(folder, {"apps/feed/migrations/0098_both.py": MIGRATION})
    write(folder, {"requirements-extra.txt": "extra==1\n", "past/page.txt": "past\n"})
    release(folder, "1.1.0", "Feed the\n  dog.")
    for name in ("replaced", "merged", "conflict", "gone"):
        edit(folder, f"pages/{name}.txt", "line 3\n", "line 3 of the template\n")
    git(folder, "mv", "pages/moved.txt", "pages/elsewhere.txt")
    edit(folder, "pages/elsewhere.txt", "line 3\n", "line 3 of the template\n")
    write(folder, {"pages/deleted.txt": None, "pages/added.txt": "added\n", "apps/old/two.txt": "two\n"})
    write(folder, {"project_template/here.py": "if 'name'   : PLACE = 'project_template'\n"})
    (folder / "pages/script").write_text("#!/bin/sh -e\n")
    (folder / "pages/script").chmod(0o755)
    edit(folder, "apps/feed/migrations/0098_both.py", "{}", "[]")
    write(folder, {"apps/feed/migrations/0099_new.py": MIGRATION})
    write(folder, {"requirements-extra.txt": "extra==2\n", "past": None})
    release(folder, "1.2.0", "Feed the\n  cat.")
    return folder


def tool(folder, name, text):
    """Create a shell script that shadows a program, and return the PATH."""
    write(folder, {f"tools/{name}": f"#!/bin/sh\n{text}\n"})
    (folder / f"tools/{name}").chmod(0o755)
    return f"{folder}/tools:/usr/bin:/bin"
