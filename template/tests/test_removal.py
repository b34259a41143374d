"""To remove a sample app, delete its folder, its line in the settings and its line in the URLs."""

import shutil

import pytest

from template.build import exported_files
from template.tests.shell import run_python
from template.tests.test_structure import SAMPLE_APPS
from tests.servers import ROOT

INSTALLED = [app for app in SAMPLE_APPS if (ROOT / "apps" / app).is_dir()]
IN_MEMORY = {"DEBUG": "1", "DATABASE_URL": "sqlite://:memory:", "SSE_BROKER_URL": "memory://"}


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
    printed = run_python(copy, "-m", "template.tests.smoke", PYTHONPATH=str(ROOT), **IN_MEMORY)
    opened = {line.split()[0] for line in printed.splitlines() if line.startswith("/")}
    others = {f"/{name}/" for name in INSTALLED if name != app}
    assert opened >= {"/", "/accounts/login/", "/admin/"} | others
    assert f"/{app}/" not in opened


def test_without_sample_apps_the_other_tests_are_collected_and_pass_lint(tmp_path):
    copy = without(INSTALLED, tmp_path)
    run_python(copy, "-m", "ruff", "check", "--no-cache")
    printed = run_python(copy, "-m", "pytest", "-p", "no:cacheprovider", "-n0", "--collect-only", DEBUG="1")
    assert "tests/test_environment.py" in printed


@pytest.mark.soak
@pytest.mark.parametrize("apps", [*([app] for app in INSTALLED), INSTALLED], ids=",".join)
def test_without_sample_apps_the_other_tests_pass(apps, tmp_path):
    copy = without(apps, tmp_path)
    assert " passed" in run_python(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", timeout=3600, DEBUG="1")
