"""Invalid settings stop every server and command with a sentence. Effects of some settings."""

import runpy
import subprocess
import sys

import pytest

from tests import servers
from tests.servers import PACKAGE, ROOT, free_port
from tests.test_environment import PRODUCTION, load_settings, pytestmark  # noqa: F401


def test_hsts_covers_subdomains_and_preloading_only_if_configured(monkeypatch, tmp_path):
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    for name, value in {**PRODUCTION, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    loaded = load_settings()
    assert [loaded[name] for name in names] == [3600, False, False]
    for name, value in zip(names, ("31536000", "1", "1"), strict=True):
        monkeypatch.setenv(name, value)
    loaded = load_settings()
    assert [loaded[name] for name in names] == [31_536_000, True, True]


def test_gunicorn_listens_on_the_port_of_the_platform(monkeypatch):
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
def test_each_server_ends_with_the_sentence_and_without_a_traceback(tmp_path, command):
    port = free_port()
    variables = {"DEBUG": "0", "MAX_UPLOAD_MB": "50m", "BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1"}
    printed = fail(command.format(port=port, package=PACKAGE), tmp_path, **PRODUCTION | variables)
    assert printed.count("MAX_UPLOAD_MB is '50m'. Set it to a whole number of at least 1.") == 1
    assert "Traceback" not in printed


def test_gunicorn_ends_with_a_sentence_for_its_own_settings(tmp_path):
    assert fail("-m gunicorn", tmp_path, **PRODUCTION, TIMEOUT="1m").endswith(
        "TIMEOUT is '1m'. Set it to a whole number of at least 0.\n"
    )


def test_a_command_whose_database_refuses_connections_ends_at_once_with_the_reason(tmp_path):
    url = f"postgres://site:password@127.0.0.1:{free_port()}/site"
    printed = fail("manage.py migrate", tmp_path, seconds=8, **PRODUCTION, DATABASE_URL=url)
    assert "The database of DATABASE_URL cannot be reached" in printed
    assert "Connection refused" in printed
    assert "Traceback" not in printed


def fail(command, folder, seconds=30, **variables):
    """Run a command that must fail within `seconds`, and return its output."""
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
