"""Obstacles to an upgrade are reported in a sentence, and no work of a team is lost."""

import json
import os
import shutil
import sys
import zipfile

import pytest

from .upgrading import NUMBERS, ROOT, adopt, commit, git, run, tool, upgrade, write

MANAGE = (
    '"""The project. Manage it."""\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_template.settings")\n'
)
REQUIREMENTS = f"[project]\n{5 * '#\n'}[dependency-groups]\n"
EDITED = NUMBERS.replace("line 9\n", "line 9 of the team\n")


def release(folder, version, files):
    """Commit and tag a version of a small template; None deletes a file."""
    write(folder, files)
    listed = [path for path in git(folder, "ls-files", "-co").split() if (folder / path).is_file()]
    ids = dict(zip(listed, git(folder, "hash-object", *listed).split(), strict=True))
    ids["project_name/settings.py"] = ids.pop("project_template/settings.py")
    ids.pop("template.lock", None)
    write(folder, {"template.lock": json.dumps({"version": version, "files": ids})})
    commit(folder, version)
    git(folder, "tag", version)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository with the versions 1.1.0 and 1.2.0 of a small template."""
    folder = tmp_path_factory.mktemp("versions") / "template"
    shutil.copytree(ROOT / "bin", folder / "bin", ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "--quiet")
    files = {"manage.py": MANAGE, "project_template/settings.py": "", "pyproject.toml": REQUIREMENTS}
    files |= {"apps/old/models.py": "# old\n", "apps/old/migrations/0001_initial.py": "# old\n"}
    names = ("linked", "folder", "ignored", "edited", "moved")
    release(folder, "1.1.0", files | {f"pages/{name}.txt": NUMBERS for name in names})
    new = NUMBERS.replace("line 3\n", "line 3 of the template\n")
    changed = {f"pages/{name}.txt": new for name in names} | {
        "pages/moved.txt": None,
        "apps/old": None,
        "places/moved.txt": new,
    }
    added = {
        "pages/new.txt": "new\n",
        "data/new.txt": "new\n",
        "pyproject.toml": REQUIREMENTS.replace("]", "]\ndependencies = []", 1),
    }
    release(folder, "1.2.0", {"manage.py": f"{MANAGE}# new\n"} | changed | added)
    git(folder, "branch", "fixes/all")
    git(folder, "archive", "--output", folder.with_name("1.2.0.zip"), "1.2.0")
    return folder


@pytest.fixture
def project(template, tmp_path):
    return made(template, tmp_path / "project")


def made(template, folder, name="core"):
    """Make a project of version 1.1.0, as `startproject` does, in a git repository."""
    git(folder.parent, "clone", "--quiet", "--branch", "1.1.0", template, folder)
    shutil.rmtree(folder / ".git")
    (folder / "project_template").rename(folder / name)
    (folder / "manage.py").write_text(MANAGE.replace("project_template", name))
    return adopt(folder)


@pytest.mark.parametrize("name", ["project", "größe"])
def test_a_project_may_have_any_name(name, template, tmp_path):
    project = made(template, tmp_path / "Straße nach Süden", name)
    assert upgrade(project, "changes") == ""
    upgrade(project, f"FROM={template}@fixes/all")
    assert (project / "manage.py").read_text() == MANAGE.replace("project_template", name) + "# new\n"


def test_a_new_file_does_not_replace_folders_links_or_untracked_files(project, template):
    for path, target in (("pages/new.txt", ""), ("pages/new.txt", "mine"), ("data", "/tmp"), ("data", "")):
        if target:
            (project / path).symlink_to(target)
        else:
            write(project, {path: "mine\n"})
        printed = upgrade(project, program=template / "bin/upgrade", fails=True)
        assert printed == f"{path} is in the way of a new file of the template. Move it.\n"
        (project / path).unlink()
    write(project, {"pages/new.txt/mine.txt": "mine\n"})
    commit(project)
    assert "pages/new.txt is in the way" in upgrade(project, program=template / "bin/upgrade", fails=True)
    assert git(project, "status", "--porcelain") == ""


def test_a_link_a_folder_and_an_ignored_file_in_place_of_a_file_are_kept_and_listed(project, template):
    write(project, {"pages/linked.txt": None, "pages/folder.txt": None, ".gitignore": "/pages/ignored.txt\n"})
    (project / "pages/linked.txt").symlink_to("edited.txt")
    write(project, {"pages/folder.txt/mine.txt": "mine\n"})
    git(project, "rm", "--quiet", "--cached", "pages/ignored.txt")
    commit(project)
    listed = "\n  - ".join(["under git:", *(f"pages/{name}.txt" for name in ("folder", "ignored", "linked"))])
    assert f"{listed}\n" in upgrade(project, f"FROM={template}")
    assert (project / "pages/linked.txt").is_symlink()
    assert (project / "pages/ignored.txt").read_text() == NUMBERS


def test_merged_and_moved_files_keep_their_mode_and_line_endings(project, template):
    write(project, {"pages/edited.txt": EDITED})
    (project / "pages/moved.txt").write_bytes(EDITED.replace("\n", "\r\n").encode())
    for name in ("edited", "moved"):
        (project / f"pages/{name}.txt").chmod(0o755)
    commit(project)
    upgrade(project, f"FROM={template}")
    for path in ("pages/edited.txt", "places/moved.txt"):
        assert (project / path).stat().st_mode & 0o111 == 0o111
    assert b"line 3 of the template\r\n" in (project / "places/moved.txt").read_bytes()


def test_git_settings_do_not_hide_a_base_and_a_failed_merge_keeps_the_file(project, template, tmp_path):
    write(project, {"pages/edited.txt": EDITED})
    commit(project)
    no_history = shutil.copytree(template, tmp_path / "alone", ignore=shutil.ignore_patterns(".git"))
    fails = tool(tmp_path, "git", '[ "$1" != merge-file ] && exec /usr/bin/git "$@"; exit 128')
    assert "not merged. BASE= merges text files:\n  - pages/edited.txt\n" in upgrade(
        project, f"FROM={no_history}", PATH=fails
    )
    assert (project / "pages/edited.txt").read_text() == EDITED
    git(project, "checkout", ".")
    git(project, "config", "color.ui", "always")
    git(project, "config", "log.showSignature", "true")
    assert "1 merged" in upgrade(project, f"FROM={no_history}")


def test_a_project_without_bin_lock_is_upgraded(project, template, tmp_path):
    write(project, {"bin/lock": None, "pyproject.toml": f'{REQUIREMENTS}dev = ["ours"]\n'})
    commit(project)
    upgrade(project, f"FROM={template}", PATH=tool(tmp_path, "uv", ""))
    assert '"1.2.0"' in (project / "template.lock").read_text()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "Name the template: make upgrade FROM=<folder, zip or git address>[@version]"),
        (["FROM=/nowhere"], "git clone failed: fatal: repository '/nowhere' does not exist"),
        (["FROM=<template>@9.9.9"], "<template> has no version 9.9.9."),
        (["FROM=<template>", "BASE=<project>/apps"], "<project>/apps does not hold the template."),
        (
            ["FROM=<template>", "BASE=<template>/../1.2.0.zip"],
            "BASE differs from template.lock: use version 1.1.0, or a commit of it.",
        ),
        (["FROM=<project>/manage.py"], "<project>/manage.py cannot be unpacked: File is not a zip file"),
    ],
)
def test_each_failure_is_reported_in_one_sentence(options, reason, project, template):
    def filled(text):
        return text.replace("<template>", str(template)).replace("<project>", str(project))

    assert upgrade(project, *map(filled, options), fails=True) == f"{filled(reason)}\n"


def damaged_zip(template, file):
    """Write a zip whose first file is damaged."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(template / "manage.py", "manage.py")
    file.write_bytes(file.read_bytes().replace(b"Manage it", b"Damage it"))


def test_unreadable_sources_are_reported_in_one_sentence(project, template, tmp_path):
    def reason(*options, **variables):
        printed = upgrade(project, *options, fails=True, **variables)
        assert "Traceback" not in printed
        return printed

    damaged_zip(template, tmp_path / "damaged.zip")
    assert "damaged.zip cannot be unpacked: Bad CRC-32" in reason(f"FROM={tmp_path}/damaged.zip")
    git(tmp_path, "init", "--quiet", "empty")
    assert reason(f"FROM={tmp_path}/empty") == f"{tmp_path}/empty has no commit.\n"
    ssh = {"GIT_SSH_COMMAND": "echo Permission denied >&2; false"}
    assert "Permission denied" in reason("FROM=git@example.com:owner/name.git@fixes/all", **ssh)
    assert reason(f"FROM={project}") == f"{project} does not hold the template.\n"
    for content in (b"<<<<<<< \xff", b"[]"):
        (project / "template.lock").write_bytes(content)
        commit(project)
        assert "template.lock cannot be read: restore that of the last upgrade" in reason(f"FROM={template}")


def test_migrations_of_an_app_removed_from_the_template_are_kept_and_listed(project, template):
    left = "kept since they are migrations or changed by you:\n  - apps/old/migrations/0001_initial.py\n"
    assert left in upgrade(project, f"FROM={template}")
    assert [file.name for file in (project / "apps/old").rglob("*.py")] == ["0001_initial.py"]


def test_an_older_version_is_refused(project, template):
    upgrade(project, f"FROM={template}")
    commit(project)
    assert upgrade(project, f"FROM={template}@1.1.0", program=template / "bin/upgrade", fails=True) == (
        "1.1.0 is older than 1.2.0. To undo an upgrade, use `git revert`.\n"
    )


def test_uncommitted_changes_are_found_before_anything_is_fetched(project):
    write(project, {"pages/edited.txt": EDITED})
    assert "The work tree has changes" in upgrade(project, "FROM=https://example.invalid/template", fails=True)


def test_a_project_without_git_or_with_a_sparse_checkout_is_refused(project, template, tmp_path):
    git(project, "sparse-checkout", "set", "--no-cone", "/*", "!/pages/edited.txt")
    assert "not in the work tree" in upgrade(project, f"FROM={template}", fails=True)
    shutil.rmtree(project / ".git")
    first = f"Put {project} under git first: git init, git add --all, git commit\n"
    assert upgrade(project, f"FROM={template}", fails=True) == first
    git(tmp_path, "init", "--quiet")
    assert upgrade(project, f"FROM={template}", fails=True) == first


def test_a_zip_may_have_a_top_folder_and_an_archivers_extra_files(project, template, tmp_path):
    file = tmp_path / "template.zip"
    git(template, "archive", "--prefix=template-1.2.0/", "--output", file, "1.2.0")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("__MACOSX/._template", "")
        archive.writestr("../outside.txt", "")
    upgrade(project, f"FROM={file}")
    assert '"1.2.0"' in (project / "template.lock").read_text()
    assert not (tmp_path / "outside.txt").exists()


def test_a_file_name_that_is_not_utf_8_is_listed_as_a_change(project):
    (project / os.fsdecode(b"pages/gr\xfc\xdfe.txt")).write_text("mine\n")
    commit(project)
    assert upgrade(project, "changes") == "added   pages/gr\\udcfc\\udcdfe.txt\n"


def test_an_old_python_is_refused(project):
    old = (
        "import runpy, sys; sys.version_info = (3, 10); sys.argv[1:] = ['changes']; runpy.run_path('bin/upgrade')"
    )
    assert run(project, sys.executable, "-c", old, fails=True) == "bin/upgrade needs Python 3.12 or newer.\n"
