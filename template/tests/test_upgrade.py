"""`make upgrade` brings the template's changes into a project and keeps those of its team."""

import shutil
import sys

import pytest

from bin.upgrader.plan import Plan
from bin.upgrader.project import Project
from bin.upgrader.template import Template, fetch

from .upgrading import (
    MIGRATION,
    NUMBERS,
    ROOT,
    adopt,
    commit,
    edit,
    git,
    run,
    start,
    tool,
    tree,
    two_versions,
    upgrade,
    write,
    zip_of,
)

NOTHING = "Template 1.2.0 to 1.2.0: nothing to do.\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository with the versions 1.1.0 and 1.2.0 of the template, and their zips."""
    return two_versions(tmp_path_factory.mktemp("versions") / "template")


@pytest.fixture(scope="module")
def made(template, tmp_path_factory):
    """A project of version 1.1.0 from the zip, in a git repository."""
    return adopt(start(zip_of(template, "1.1.0"), tmp_path_factory.mktemp("made") / "project"))


@pytest.fixture(scope="module")
def expected(template, tmp_path_factory):
    """The files of a project of version 1.2.0, except a migration, which an upgrade never rewrites."""
    project = start(zip_of(template, "1.2.0"), tmp_path_factory.mktemp("new") / "project")
    edit(project, "apps/feed/migrations/0098_both.py", "[]", "{}")
    return tree(adopt(project))


@pytest.fixture
def project(made, tmp_path):
    """A project of version 1.1.0."""
    return shutil.copytree(made, tmp_path / "project")


def work(project, **files):
    """Change pages of the project and commit, as its team does."""
    write(project, {f"pages/{name}.txt": text for name, text in files.items()})
    commit(project)


def page(project, name):
    return (project / f"pages/{name}.txt").read_text()


def headed(name):
    """Return a page with a first line of the team."""
    return f"{name} of the team\n{NUMBERS}"


def by_both(name):
    """Return that page merged with the template's change."""
    return headed(name).replace("line 3\n", "line 3 of the template\n")


def test_an_unchanged_project_becomes_the_new_version_and_a_second_upgrade_does_nothing(
    project, template, expected
):
    printed = upgrade(project, f"FROM={zip_of(template, '1.2.0')}")
    assert printed.startswith(
        "Template 1.1.0 to 1.2.0: 8 replaced, 3 added, 1 moved, 2 deleted.\nTo do by hand:\n  - Feed the cat.\n"
    )
    assert tree(project) == expected
    assert not (project / "past").exists()
    assert (project / "pages/script").stat().st_mode & 0o111 == 0o111
    assert git(project, "diff", "--cached", "--name-only") == ""
    assert "The work tree has changes" in upgrade(project, f"FROM={template}", fails=True)
    commit(project)
    assert upgrade(project, f"FROM={template}") == NOTHING
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize("door", ["folder", "archive"])
def test_a_project_of_the_folder_or_an_archive_keeps_the_name_of_the_package(door, template, tmp_path, expected):
    if door == "folder":
        source = tmp_path / "template"
        git(tmp_path, "clone", "--quiet", "--branch", "1.1.0", template, source)
    else:
        source = tmp_path / "archive.zip"
        git(template, "archive", "--prefix=template-main/", "--output", source, "1.1.0")
    project = start(source, tmp_path / "project")
    if door == "folder":
        run(project, "make", "remove-template")
    adopt(project)
    upgrade(project, f"FROM=file://{template}@1.2.0")
    assert (project / "project_template/here.py").read_text() == "if 'name'   : PLACE = 'project_template'\n"
    changed = {".gitattributes"} if door == "folder" else set()
    assert {path.replace("project_template/", "core/") for path in tree(project)} == expected.keys()
    assert {path for path in tree(project).keys() & expected if tree(project)[path] != expected[path]} == changed | {
        "manage.py", "conftest.py", "gunicorn.conf.py"
    }  # fmt: skip


def test_changes_of_both_sides_are_merged_and_deleted_files_stay_deleted(project, template):
    conflict = page(project, "conflict").replace("line 3\n", "line 3 of the team\n")
    work(project, merged=headed("merged"), moved=headed("moved"), deleted=headed("deleted"), conflict=conflict)
    work(project, gone=None, added="mine\n", mine="mine\n")
    write(project, {"apps/old": None})
    commit(project)
    printed = upgrade(project, f"FROM={template}")
    assert page(project, "merged") == by_both("merged")
    assert page(project, "elsewhere") == by_both("moved")
    assert page(project, "conflict") == conflict.replace(
        "line 3 of the team\n",
        "<<<<<<< yours\nline 3 of the team\n=======\nline 3 of the template\n>>>>>>> template 1.2.0\n",
    )
    assert "2 merged." in printed
    assert "Conflicts, marked in the files:\n  - pages/conflict.txt\n" in printed
    assert "kept since they are migrations or changed by you:\n  - pages/deleted.txt\n" in printed
    assert "since you have a file of this name:\n  - pages/added.txt\n" in printed
    assert (page(project, "mine"), page(project, "added")) == ("mine\n", "mine\n")
    assert [name for name in ("pages/gone.txt", "pages/moved.txt", "apps/old") if (project / name).exists()] == []


def test_a_file_that_the_team_has_deleted_and_the_template_moved_stays_deleted(project, template):
    work(project, moved=None)
    upgrade(project, f"FROM={template}")
    assert not (project / "pages/elsewhere.txt").exists()


def test_a_merge_base_is_found_in_from_in_base_or_in_the_history_and_files_without_one_are_listed(
    project, made, template, tmp_path
):
    new, base = f"FROM={zip_of(template, '1.2.0')}", f"BASE={zip_of(template, '1.1.0')}"
    edited = shutil.copytree(made, tmp_path / "edited first")
    git(edited, "checkout", "--quiet", "--orphan", "edited")
    work(edited, merged=headed("merged"))
    git(tmp_path, "clone", "--quiet", "--bare", template, "bare.git")
    for options in ([f"FROM={tmp_path}/bare.git"], [new, base]):
        assert "1 merged" in upgrade(edited, *options)
        assert page(edited, "merged") == by_both("merged")
        git(edited, "checkout", ".")
    assert "not merged. BASE= merges text files:\n  - pages/merged.txt\n" in upgrade(edited, new)
    assert page(edited, "merged") == headed("merged")
    work(project, merged=headed("merged"))
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{project}", "shallow")
    assert "not merged" in upgrade(tmp_path / "shallow", new)
    assert "1 merged" in upgrade(project, new)


def test_a_project_from_before_the_manifest_is_upgraded_with_its_base(project, template, expected):
    write(project, {"template.lock": None, "bin/upgrade": None})
    commit(project)
    program = template / "bin/upgrade"
    assert upgrade(project, program=program, fails=True) == (
        "git has no template.lock: commit it, or name your version with BASE=\n"
    )
    upgrade(project, f"BASE={template}@1.1.0", program=program)
    assert {**tree(project), "bin/upgrade": expected["bin/upgrade"]} == expected


def test_a_project_formatted_by_black_counts_as_unchanged_and_stays_formatted(template, tmp_path):
    ruff = f"{sys.executable} -m ruff format --quiet --isolated --line-length=88"
    path = {"PATH": tool(tmp_path, "black", f'while [ "$1" != -- ]; do shift; done\nshift\nexec {ruff} "$@"')}
    project, new = (start(zip_of(template, f"1.{n}.0"), tmp_path / f"{n}", **path) for n in (1, 2))
    assert '    NAME = "core"' in (project / "core/here.py").read_text()
    edit(new, "apps/feed/migrations/0098_both.py", "[]", "{}")
    upgrade(adopt(project), f"FROM={template}", **path)
    assert tree(project) == tree(adopt(new))


@pytest.mark.parametrize("attributes", [True, False])
def test_windows_line_endings_count_as_unchanged_and_stay(attributes, made, template, tmp_path, expected):
    project = shutil.copytree(made, tmp_path / "project", ignore=shutil.ignore_patterns(".git"))
    git(project, "init", "--quiet")
    for path, content in tree(project).items():
        (project / path).write_bytes(content if b"\0" in content else content.replace(b"\n", b"\r\n"))
    if not attributes:
        (project / ".gitattributes").unlink()
    commit(project)
    upgrade(project, f"FROM={template}")
    ours = {
        path: content if b"\0" in content else content.replace(b"\r\n", b"\n")
        for path, content in tree(project).items()
    }
    assert ours == {path: content for path, content in expected.items() if attributes or path != ".gitattributes"}
    assert b"template\r\n" in (project / "pages/replaced.txt").read_bytes()
    commit(project)
    assert len(git(project, "diff", "--name-only", "HEAD^", "HEAD").split()) == 15


def test_conflicting_migrations_of_team_and_template_are_reported(project, template):
    write(project, {"apps/feed/migrations/0002_ours.py": MIGRATION})
    commit(project)
    printed = upgrade(project, f"FROM={template}", "CHECK=1")
    assert "3 would be added" in printed
    assert "run manage.py makemigrations --merge for\n  - apps/feed\n" in printed
    assert git(project, "status", "--porcelain") == ""


def test_an_interrupted_upgrade_can_be_undone_and_repeated(project, template, tmp_path, expected, monkeypatch):
    new = Template(*fetch(f"{template}@1.2.0", tmp_path), "core")
    left = 0

    def step(do):
        def counted(*arguments, **options):
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            do(*arguments, **options)

        return counted

    for name in ("write", "delete"):
        monkeypatch.setattr(Project, name, step(getattr(Project, name)))
    for interrupted_after in range(12):
        ours = Project(project)
        ours.check()
        plan = Plan(ours, ours.manifest(), new, [new])
        plan.decide()
        left = interrupted_after
        with pytest.raises(KeyboardInterrupt):
            plan.apply()
        git(project, "checkout", ".")
    upgrade(project, f"FROM={template}")
    assert tree(project) == expected


def test_changes_lists_what_the_team_has_changed_deleted_and_added(project):
    work(project, replaced="mine\n", gone=None, mine="mine\n")
    edit(project, "core/here.py", "NAME", "OURS")
    assert upgrade(project, "changes") == (
        "changed core/here.py\ndeleted pages/gone.txt\nchanged pages/replaced.txt\nadded   pages/mine.txt\n"
    )


UV = '[ -e uv-works ] && while [ "$1" != --output-file ]; do shift; done && echo "locked again==1" > "$2"'


@pytest.mark.parametrize("works", [True, False])
def test_locks_are_regenerated_if_the_team_has_its_own_dependencies(works, project, template, tmp_path):
    edit(project, "pyproject.toml", '    "asgiref', '    "ours",\n    "asgiref')
    edit(project, "requirements.txt", "\n", "\nours==1\n")
    write(project, {"requirements-extra.txt": "extra==1.5\n"} | ({"uv-works": ""} if works else {}))
    commit(project)
    printed = upgrade(project, f"FROM={template}", PATH=tool(tmp_path, "uv", UV))
    assert ("Run:\n  - make lock\n" in printed) is not works
    assert ("locked again" in (project / "requirements.txt").read_text()) is works
    assert '"ours"' in (project / "pyproject.toml").read_text()
    assert ("not merged" in printed) is not works
    assert (project / "requirements-extra.txt").read_text() == "extra==1.5\n"
    assert '"1.2.0"' in (project / "template.lock").read_text()


def test_make_upgrade_and_make_changes_run(project, template):
    (project / ".venv").symlink_to(ROOT / ".venv")
    (ROOT / ".venv/ready").touch()
    assert "8 would be replaced" in run(project, "make", "upgrade", f"FROM={template}", "CHECK=1")
    assert run(project, "make", "changes") == ""


def test_an_outdated_manifest_is_detected(template, tmp_path):
    git(tmp_path, "clone", "--quiet", "--branch", "1.2.0", template, "clone")
    clone = tmp_path / "clone"
    run(clone, sys.executable, "-m", "template.manifest", "--check")
    edit(clone, "pages/merged.txt", "line 4", "line four")
    stale = "template.lock is not up to date. Run: make manifest"
    assert stale in run(clone, sys.executable, "-m", "template.manifest", "--check", fails=True)
    commit(clone)
    project = adopt(start(zip_of(template, "1.1.0"), tmp_path / "project"))
    printed = upgrade(project, "CHECK=1", program=clone / "bin/upgrade", fails=True)
    assert "template.lock does not fit its pages/merged.txt" in printed
