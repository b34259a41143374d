"""How each server and command ends for a value that cannot work, and what some values mean."""

import runpy
import subprocess
import sys

import pytest

from tests import servers
from tests.servers import PACKAGE, ROOT, free_port
from tests.test_environment import PRODUCTION, load_settings, pytestmark  # noqa: F401


def test_subdomains_and_preloading_are_for_browsers_that_were_told_so_on_purpose(monkeypatch, tmp_path):
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    for name, value in {**PRODUCTION, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    loaded = load_settings()
    assert [loaded[name] for name in names] == [3600, False, False]
    for name, value in zip(names, ("31536000", "1", "1"), strict=True):
        monkeypatch.setenv(name, value)
    loaded = load_settings()
    assert [loaded[name] for name in names] == [31_536_000, True, True]


def test_gunicorn_listens_at_the_port_that_the_platform_names(monkeypatch):
    monkeypatch.delenv("BIND", raising=False)
    monkeypatch.setenv("PORT", "5000")
    assert runpy.run_path(str(ROOT / "gunicorn.conf.py"))["bind"] == ["0.0.0.0:5000"]
    monkeypatch.setenv("BIND", "unix:/run/site/web-1.sock,127.0.0.1:80")
    assert runpy.run_path(str(ROOT / "gunicorn.conf.py"))["bind"] == ["unix:/run/site/web-1.sock", "127.0.0.1:80"]


@pytest.mark.parametrize(
    "command",
    [
        "manage.py check",
        "manage.py runserver {port}",
        "-m uvicorn {package}.asgi:application --port {port}",
        "-m daphne -p {port} {package}.asgi:application",
        "-m gunicorn",
    ],
)
def test_each_start_ends_with_the_sentence_and_no_traceback(tmp_path, command):
    port = free_port()
    variables = {"DEBUG": "0", "MAX_UPLOAD_MB": "50m", "BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1"}
    printed = start(command.format(port=port, package=PACKAGE), tmp_path, **PRODUCTION | variables)
    assert printed.count("MAX_UPLOAD_MB is '50m'. Set it to a whole number of at least 1.") == 1
    assert "Traceback" not in printed


def test_gunicorn_ends_with_the_sentence_for_a_value_of_its_own(tmp_path):
    assert start("-m gunicorn", tmp_path, **PRODUCTION, TIMEOUT="1m").endswith(
        "TIMEOUT is '1m'. Set it to a whole number of at least 0.\n"
    )


def test_a_database_that_refuses_ends_a_command_at_once_with_the_reason(tmp_path):
    url = f"postgres://site:password@127.0.0.1:{free_port()}/site"
    printed = start("manage.py migrate", tmp_path, seconds=8, **PRODUCTION, DATABASE_URL=url)
    assert "The database of DATABASE_URL cannot be reached" in printed
    assert "Connection refused" in printed
    assert "Traceback" not in printed


def start(command, folder, seconds=30, **variables):
    """Return what a command prints that is expected to fail within so many seconds."""
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=ROOT,
        env=servers.environment_for(folder, **variables),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr
