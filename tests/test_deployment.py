"""The project as it is deployed: another database, a proxy in front, production settings."""

import contextlib
import os
import re
import secrets
import shlex
import shutil
import sqlite3
import subprocess
import sys

import httpx

from apps.sse.conf import DEFAULTS
from tests import servers
from tests.streaming import events


def test_events_pass_the_bundled_nginx_one_by_one_even_where_it_compresses(site, behind_nginx):
    with behind_nginx(site) as url:
        page = httpx.get(f"{url}/accounts/login/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["content-encoding"] == "gzip", "compression is on, so it could hold events back"
        arrived = events(url, "/api/dashboard/stream/", 2, **{"Accept-Encoding": "gzip"})
        assert len(arrived) == 2


def test_the_log_fits_into_the_memory_of_its_container():
    compose = (servers.ROOT / "deploy" / "compose.yml").read_text()
    [most] = re.findall(r"--maxmemory \$\{EVENTS_MAXMEMORY:-(\d+)mb\}", compose)
    [limit] = re.findall(r"EVENTS_MEMORY:-(\d+)m\}", compose)
    # Beside the log there is the cache, and while the server rewrites its file it copies what changes.
    assert DEFAULTS["SSE_RETENTION_BYTES"] / 2**20 <= 0.4 * int(most)
    assert int(most) <= 0.65 * int(limit)


def test_production_is_https_only_and_its_dashboard_private(serve, tmp_path):
    production = {"DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1", "SECRET_KEY": secrets.token_urlsafe(50)}
    environment = servers.environment_for(tmp_path, **production)
    servers.manage("collectstatic", "--noinput", "--verbosity", "0", environment=environment)
    with serve("uvicorn", **production, BEHIND_PROXY="1") as server:
        plain = httpx.get(f"{server.url}/accounts/login/")
        assert (plain.status_code, plain.headers["location"][:8]) == (301, "https://")
        secure = httpx.get(f"{server.url}/accounts/login/", headers={"X-Forwarded-Proto": "https"})
        assert secure.headers["Strict-Transport-Security"] == "max-age=3600"
    with serve("uvicorn", **production, HTTPS="0") as server:
        page = httpx.get(f"{server.url}/accounts/login/")
        assert page.status_code == 200
        assert "'unsafe-inline'" not in page.headers["content-security-policy"]
        assert httpx.get(f"{server.url}/nowhere/").status_code == 404
        assert httpx.get(f"{server.url}/dashboard/").status_code in (302, 403)
        assert httpx.get(f"{server.url}/api/dashboard/stream/").status_code == 403


PROGRAM = """#!/bin/sh
echo "$PGPASSWORD $@"
"""


def test_no_program_of_postgresql_gets_the_password_as_an_argument(tmp_path):
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text(PROGRAM)
        (tmp_path / name).chmod(0o755)
    url = "postgres://site:s3cr%40t@db:5432/site?sslmode=require"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = servers.environment_for(tmp_path, DATABASE_URL=url, PYTHON=sys.executable, PATH=path)
    for script in ("backup", "restore"):
        command = [servers.ROOT / "deploy" / script, tmp_path / "copy"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        password, *arguments = done.stdout.splitlines()[0].split()
        assert password == "s3cr@t"
        assert "--dbname=postgres://site@db:5432/site?sslmode=require" in arguments


def test_a_backup_of_sqlite_is_made_in_a_folder_of_any_name(tmp_path):
    sqlite3.connect(tmp_path / "db.sqlite3").execute("CREATE TABLE kept (id)")
    copy = tmp_path / 'today\'s "copy"'
    environment = servers.environment_for(tmp_path, PYTHON=sys.executable)
    subprocess.run([servers.ROOT / "deploy" / "backup", copy], env=environment, check=True, capture_output=True)
    assert sqlite3.connect(copy / "site.sqlite3").execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_neither_git_nor_the_image_takes_the_key_of_the_certificate(tmp_path):
    shutil.copyfile(servers.ROOT / ".gitignore", tmp_path / ".gitignore")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    asked = ["git", "-C", tmp_path, "check-ignore", "deploy/tls/privkey.pem", "deploy/.env"]
    assert subprocess.run(asked, check=False, capture_output=True, text=True).stdout.count("\n") == 2
    assert "deploy" in (servers.ROOT / ".dockerignore").read_text().splitlines()


def test_without_debug_a_missing_secret_key_is_a_clear_error(tmp_path):
    environment = servers.environment_for(tmp_path, DEBUG="0", SECRET_KEY="")
    printed = servers.manage("check", environment=environment, fails=True)
    assert "SECRET_KEY is not set" in printed


@contextlib.contextmanager
def started_by_unit(folder):
    """Run what deploy/systemd/site@.service runs, with /run/site and /var/lib/site in `folder`; yields /run/site."""
    lines = (servers.ROOT / "deploy" / "systemd" / "site@.service").read_text().splitlines()
    unit = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    run = folder / "run"
    run.mkdir()
    run.chmod(int(unit.get("RuntimeDirectoryMode", "0755"), 8))
    said = unit["Environment"].replace("/run/site", str(run)).replace("/var/lib/site", str(folder))
    variables = dict(pair.split("=", 1) for pair in shlex.split(said.replace("%i", "1")))
    program = unit["ExecStart"].rpartition("/")[2].split()
    process = subprocess.Popen(
        [sys.executable, "-m", *program],
        cwd=servers.ROOT,
        env=servers.environment_for(folder, **variables, WEB_CONCURRENCY="1"),
    )
    try:
        yield run
    finally:
        process.terminate()
        process.wait(servers.PATIENCE_SECONDS)


def test_the_units_socket_is_for_nginxs_group_alone(tmp_path):
    with started_by_unit(tmp_path) as run:
        socket = run / "web-1.sock"
        servers.wait_until(socket.exists, seconds=servers.PATIENCE_SECONDS)
        assert oct(socket.stat().st_mode & 0o777) == "0o770"
        assert oct(run.stat().st_mode & 0o777) == "0o750"
