"""`startproject --template` makes a working project from this folder, from its git archive and from the zip."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest
from django.template import Context, Engine

from template.tests.shell import new_environment, run, run_python
from tests import servers
from tests.servers import PACKAGE, ROOT

BRACES = re.compile("|".join([r"\{" * 2, r"\{" + "%", r"\{" + "#"]))


SOME_TESTS = "apps/accounts tests/test_deployment.py tests/browser/test_header.py"


@pytest.fixture(scope="session")
def built_zip():
    run_python(ROOT, "-m", "template.build")
    return ROOT / "dist" / "project_template.zip"


@pytest.fixture(params=["folder", "git archive", "zip"])
def template(request, tmp_path):
    """The template in each of its forms."""
    if request.param == "folder":
        return ROOT
    if request.param == "zip":
        return request.getfixturevalue("built_zip")
    archive = tmp_path / "archive.zip"
    run(ROOT, "git", "archive", "--prefix=template-main/", "--output", str(archive), "HEAD")
    return archive


def start_project(template, parent, name):
    """Make a project that uses this checkout's virtual environment, so that nothing is downloaded."""
    django_admin = Path(sys.executable).with_name("django-admin")
    run(ROOT, django_admin, "startproject", "--template", template, name, parent / name)
    (parent / name / ".venv").symlink_to(ROOT / ".venv")
    (ROOT / ".venv" / "ready").touch()
    return parent / name


def test_no_python_file_contains_template_syntax():
    listed = run(ROOT, "git", "ls-files", "*.py").split()
    assert [name for name in listed if BRACES.search((ROOT / name).read_text())] == []


def test_rendering_changes_only_the_files_that_name_the_settings_package(built_zip):
    context = Context({"project_name": "mysite"}, autoescape=False)
    with zipfile.ZipFile(built_zip) as archive:
        sources = {n: archive.read(n).decode() for n in archive.namelist() if n.endswith(".py")}
    changed = {name for name, text in sources.items() if Engine().from_string(text).render(context) != text}
    assert changed == {
        "manage.py",
        "conftest.py",
        "gunicorn.conf.py",
        "project_name/asgi.py",
        "project_name/wsgi.py",
    }


def test_a_generated_project_is_served(template, tmp_path):
    name = "x" if str(template).endswith("archive.zip") else "mysite"
    assert b"event: stats" in serve_and_listen(start_project(template, tmp_path / "a path", name))


# The forms differ in the package's name and in files that no test reads.
@pytest.mark.parametrize("template", ["zip"], indirect=True)
def test_a_generated_project_passes_make_check_and_its_tests(template, tmp_path):
    project = start_project(template, tmp_path / "a path", "mysite")
    run(project, "make", "check", MYPY_CACHE_DIR=f"{ROOT}/.mypy_cache")
    run(project, "make", "test", f"ARGS={SOME_TESTS} -n0")


@pytest.mark.soak
def test_a_generated_project_installs_itself_and_passes_all_its_tests(template, tmp_path):
    project = start_project(template, tmp_path / "a path", "mysite")
    (project / ".venv").unlink()
    printed = run(project, "make", "test")
    assert " passed" in printed
    assert "skipped" not in printed or os.geteuid() != 0


def test_a_project_of_the_folder_lists_the_templates_own_files_and_one_command_removes_them(built_zip, tmp_path):
    project = start_project(ROOT, tmp_path, "mysite")
    named = run(project, "make").split("only the template's own repository needs: ")[1].split("\n")[0].split()
    assert {"template", "bench", "apps/sse/tests", "apps/sse/client", "CHANGELOG.md"} <= set(named)
    run(project, "make", "remove-template")
    assert [path for path in named if (project / path).exists()] == []
    assert "repository needs" not in run(project, "make") + run(ROOT, "make")
    with zipfile.ZipFile(built_zip) as archive:
        names = {name.replace("project_name/", f"{PACKAGE}/") for name in archive.namelist()}
    made = {file.relative_to(project).as_posix() for file in project.rglob("*") if file.is_file()}
    assert {name for name in made if not name.startswith((".venv/", "dist/"))} == names, "which passes make check"


def serve_and_listen(project):
    """Return the first bytes of the dashboard's stream from `make run`, then stop it as Ctrl-C does."""
    port = servers.free_port()
    log = project.parent / "run.log"
    command = ["make", "run", f"PORT={port}"]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=project, env=new_environment(), stdout=out, stderr=out, start_new_session=True
        )
    try:
        return listen(f"http://127.0.0.1:{port}/api/dashboard/stream/", process, log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(10)


def listen(url, process, log):
    """Wait for the server to start, and return the beginning of its stream."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=20) as response:
                return response.read(20) + response.readline() + response.readline()
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_a_project_of_the_zip_does_not_name_the_template(built_zip, tmp_path):
    project = start_project(built_zip, tmp_path, "mysite")
    (project / ".venv").unlink()
    files = [file for file in project.rglob("*") if file.is_file()]
    texts = {file: file.read_bytes().decode("latin-1").replace(f"dist/{PACKAGE}.zip", "") for file in files}
    assert [file for file, text in texts.items() if PACKAGE in text] == []
    assert [file for file in files if PACKAGE in str(file.relative_to(project))] == []
    assert not (project / "bench").exists()
    assert os.access(project / "manage.py", os.X_OK)
    assert os.access(project / "bin" / "setup", os.X_OK)


def test_setup_reports_a_missing_python_in_one_sentence(tmp_path):
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("dirname", "sh"):
        (tools / tool).symlink_to(shutil.which(tool))
    script = (tmp_path / "bin" / "setup").read_text().replace("/usr/bin/python3", "/nowhere/python3")
    (tmp_path / "bin" / "setup").write_text(script)
    done = subprocess.run(
        [shutil.which("sh"), "bin/setup"], cwd=tmp_path, env={"PATH": str(tools), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == ("Python 3.12 or newer was not found. Install it, or set PYTHON=/path/to/python3.\n")
