"""To remove a sample app, delete its folder, its line in the settings and its line in the URLs."""

import os
import shutil
import subprocess
import sys

import pytest

from template.build import exported_files
from template.tests.test_structure import SAMPLE_APPS
from tests.servers import ROOT

INSTALLED = [app for app in SAMPLE_APPS if (ROOT / "apps" / app).is_dir()]
IN_MEMORY = {"DATABASE_URL": "sqlite://:memory:", "SSE_BROKER_URL": "memory://"}


def run(folder, *command, timeout=120, **variables):
    """Run Python in a folder, without this project's environment, and return its output."""
    ours = ("PYTEST", "DJANGO", "DATA_DIR", "SECRET_KEY")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)} | variables | {"DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def delete_line(file, line):
    """Delete the only line of a file with this text."""
    lines = file.read_text().splitlines(keepends=True)
    [found] = [number for number, text in enumerate(lines) if text.strip() == line]
    del lines[found]
    file.write_text("".join(lines))


def without(apps, folder):
    """Copy a project's files into a folder, without some apps, and return the copy."""
    copy = folder / "copy"
    for name in exported_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    [package] = [file.parent for file in copy.glob("*/settings.py")]
    for app in apps:
        shutil.rmtree(copy / "apps" / app)
        delete_line(package / "settings.py", f'"apps.{app}",')
        delete_line(package / "urls.py", f'path("", include("apps.{app}.urls")),')
    return copy


@pytest.mark.parametrize("app", INSTALLED)
def test_without_a_sample_app_checks_pass_and_every_page_and_link_works(app, tmp_path):
    copy = without([app], tmp_path)
    printed = run(copy, "-m", "template.tests.smoke", PYTHONPATH=str(ROOT), **IN_MEMORY)
    opened = {line.split()[0] for line in printed.splitlines() if line.startswith("/")}
    others = {f"/{name}/" for name in INSTALLED if name != app}
    assert opened >= {"/", "/accounts/login/", "/admin/"} | others
    assert f"/{app}/" not in opened


def test_without_sample_apps_the_other_tests_are_collected_and_pass_lint(tmp_path):
    copy = without(INSTALLED, tmp_path)
    run(copy, "-m", "ruff", "check", "--no-cache")
    printed = run(copy, "-m", "pytest", "-p", "no:cacheprovider", "-n0", "--collect-only")
    assert "tests/test_environment.py" in printed
    assert "error" not in printed.splitlines()[-1]


@pytest.mark.soak
@pytest.mark.parametrize("apps", [*([app] for app in INSTALLED), INSTALLED], ids=",".join)
def test_without_sample_apps_the_other_tests_pass(apps, tmp_path):
    copy = without(apps, tmp_path)
    assert " passed" in run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", timeout=3600)
