"""What deploy/init writes, and what deploy/up and deploy/rollback do, with a stand-in for compose."""

import ast
import fcntl
import os
import pty
import shutil
import sqlite3
import subprocess
import sys

import pytest

from tests import servers
from tests.servers import ROOT

# Records each call with its image. The image 1.1-broken is never ready; CHECK and MIGRATE are exit codes. If APPLIED
# is set, a migration is applied before MIGRATE.
COMPOSE = """#!/bin/sh
echo "${IMAGE##*:} $*" >> calls
case "$*" in
    "config --services") printf '%s\\n' nginx web-1 web-2 worker housekeeping backup database events ;;
    *check_migrations) exit "${CHECK:-0}" ;;
    *showmigrations*) echo '[X] a'; [ ! -e applied ] || echo '[X] b'; echo '[ ] c' ;;
    "run --rm -T migrate") [ -z "${APPLIED:-}" ] || touch applied; exit "${MIGRATE:-0}" ;;
    *" backup /deploy/backup "*) exit "${BACKUP:-0}" ;;
    *healthcheck.py*) [ "${IMAGE#*broken}" = "$IMAGE" ] || { echo "503 the broker is away"; exit 1; } ;;
    logs*) echo "a traceback" ;;
esac
"""
DOCKER = """#!/bin/sh
case "$1" in
    inspect) echo 3 ;;
    build) echo "$*" ;;
esac
"""
ANSWERS = ["mail.example.com", "465", "me@example.com", "p'ss w%rd", ""]


class Deployment:
    """A copy of deploy/ whose compose and docker are stand-ins."""

    def __init__(self, folder):
        self.folder = shutil.copytree(
            ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns(".env", "tls", "backups")
        )
        self.environment = {"PATH": os.environ["PATH"]}
        for name, text in (("compose", COMPOSE), ("docker", DOCKER)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
            self.environment[name.upper()] = str(folder / name)

    def run(self, script, *arguments, fails=False, **variables):
        """Run a script, check whether it `fails`, and return its output."""
        (self.folder / "calls").unlink(missing_ok=True)
        done = subprocess.run(
            [self.folder / script, *arguments], env=self.environment | variables, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def settings(self):
        """Return the variables of .env."""
        lines = (self.folder / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def calls(self):
        """Return the calls of compose, each with its version and arguments."""
        return [tuple(line.split(" ", 1)) for line in (self.folder / "calls").read_text().splitlines()]

    def replaced(self):
        """Return the version and web server of each replacement."""
        return [
            (version, service)
            for version, call in self.calls()
            for service in call.split()
            if "--force-recreate" in call and "web" in service
        ]


@pytest.fixture
def deployment(tmp_path):
    made = Deployment(tmp_path)
    made.run("init", "example.com")
    return made


@pytest.fixture
def running(deployment):
    deployment.run("up", "1.0")
    return deployment


def test_init_creates_secrets_that_only_the_owner_can_read_and_keeps_existing_ones(deployment):
    file = deployment.folder / ".env"
    made = file.read_text()
    assert file.stat().st_mode & 0o077 == (deployment.folder / "backups").stat().st_mode & 0o077 == 0
    secrets = {
        value for name, value in deployment.settings().items() if name.endswith(("KEY", "PASSWORD", "TOKEN"))
    }
    assert len(secrets) == 4
    assert min(map(len, secrets)) >= 50
    deployment.run("init", "other.example")
    assert file.read_text() == made


def test_init_takes_mail_settings_from_the_environment_and_warns_without_them(tmp_path):
    deployment = Deployment(tmp_path)
    mail = {"EMAIL_URL": "smtp+tls://me:secret@mail.example.com:587", "DEFAULT_FROM_EMAIL": "me@example.com"}
    assert "sends no mail" not in deployment.run("init", "--sqlite", "--acme", "a.example", "b.example", **mail)
    settings = deployment.settings()
    assert {name: settings[name].strip("'") for name in mail} == mail
    assert settings["ALLOWED_HOSTS"] == "a.example,b.example"
    assert (settings["COMPOSE_FILE"], settings["COMPOSE_PROFILES"]) == ("compose.yml:compose.sqlite.yml", "acme")
    (deployment.folder / ".env").unlink()
    assert "the site sends no mail" in deployment.run("init", "a.example")


def test_init_asks_for_mail_settings_in_a_terminal_and_accepts_any_password(tmp_path):
    deployment = Deployment(tmp_path)
    ours, theirs = pty.openpty()
    command = [deployment.folder / "init", "example.com"]
    with subprocess.Popen(
        command, env=deployment.environment, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        for answer in ANSWERS:
            assert b":" in iter(lambda: process.stderr.read(1), b""), "it has ended"
            os.write(ours, f"{answer}\n".encode())
        process.stderr.read()
    os.close(ours)
    os.close(theirs)
    settings = deployment.settings()
    assert settings["DEFAULT_FROM_EMAIL"] == "'noreply@example.com'"
    environment = servers.environment_for(tmp_path, EMAIL_URL=settings["EMAIL_URL"].strip("'"))
    code = "from django.conf import settings; print(settings.MAILERS['default']['OPTIONS'])"
    options = ast.literal_eval(servers.manage("shell", "--no-imports", "--command", code, environment=environment))
    assert options == {
        "host": "mail.example.com",
        "timeout": 10,
        "port": 465,
        "username": "me@example.com",
        "password": "p'ss w%rd",
        "use_tls": False,
        "use_ssl": True,
    }


def test_build_tags_the_image_with_its_version(deployment):
    printed = deployment.run("build", "1.2.3", "--build-arg", "REQUIREMENTS=requirements-sentry.txt")
    assert "build --build-arg VERSION=1.2.3 --tag localhost/site:1.2.3 --build-arg REQUIREMENTS=req" in printed
    assert "deploy/up 1.2.3" in printed


def test_up_replaces_the_web_servers_one_by_one_and_remembers_the_previous_release(running):
    assert running.settings()["PREVIOUS_IMAGE"] == ""
    running.run("up", "registry.example.com/site:1.1")
    assert running.replaced() == [("1.1", "web-1"), ("1.1", "web-2")]
    settings = running.settings()
    assert settings["IMAGE"] == "registry.example.com/site:1.1"
    assert settings["PREVIOUS_IMAGE"] == "localhost/site:1.0"
    assert (running.folder / ".env").stat().st_mode & 0o077 == 0

    assert "localhost/site:1.0 is running again" in running.run("rollback")
    assert running.replaced() == [("1.0", "web-1"), ("1.0", "web-2")]
    assert "migrate" not in str(running.calls())
    assert running.settings()["IMAGE"] == "localhost/site:1.0"
    assert "no release to go back to" in running.run("rollback", fails=True)


@pytest.mark.parametrize("script", ["up", "rollback"])
def test_a_second_deploy_at_the_same_time_is_refused(running, script):
    folder = os.open(running.folder, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    assert "Another deploy/up or deploy/rollback is running" in running.run(script, fails=True)
    os.close(folder)
    assert "is running" in running.run("up")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"CHECK": "1"}, "localhost/site:1.1 does not start. The reason is above."),
        ({"CHECK": "10"}, "deploy/up --stop 1.1"),
        ({"MIGRATE": "1"}, "The migration failed. The reason is above."),
    ],
)
def test_up_prints_why_it_stopped_before_it_replaced_a_web_server(running, variables, reason):
    before = running.settings()
    printed = running.run("up", "1.1", fails=True, **variables)
    assert reason in printed
    assert "localhost/site:1.0 keeps running." in printed
    assert running.replaced() == []
    assert running.settings() == before


def test_up_prints_why_a_web_server_is_not_ready_and_restores_the_running_release(running):
    before = running.settings()
    printed = running.run("up", "1.1-broken", fails=True)
    assert "a traceback" in printed
    assert "web-1 is not ready: 503 the broker is away" in printed
    assert "localhost/site:1.0 keeps running." in printed
    assert running.replaced() == [("1.1-broken", "web-1"), ("1.0", "web-1"), ("1.0", "web-2")]
    assert "worker" not in str([call for version, call in running.calls() if version == "1.1-broken"])
    assert running.settings() == before


def test_stop_backs_up_and_stops_the_site_and_allows_no_rollback(running):
    running.run("up", "--stop", "1.1", CHECK="10")
    calls = [call for _, call in running.calls()]
    [backup] = [call for call in calls if "/deploy/backup" in call]
    assert calls.index("stop web-1 web-2 worker housekeeping") < calls.index(backup)
    assert calls.index(backup) < calls.index("run --rm -T migrate")
    assert backup.endswith("/backups/before-1.1")
    assert "deployed with --stop" in running.run("rollback", fails=True)


@pytest.mark.parametrize(
    ("failing", "reason"), [("BACKUP", "The backup failed"), ("MIGRATE", "The migration failed")]
)
def test_stop_starts_the_running_release_again_if_nothing_was_migrated(running, failing, reason):
    before = running.settings()
    printed = running.run("up", "--stop", "1.1", CHECK="10", fails=True, **{failing: "1"})
    assert f"{reason}. The reason is above. localhost/site:1.0 keeps running." in printed
    assert running.calls()[-1][1] == "start web-1 web-2 worker housekeeping"
    assert running.replaced() == []
    assert running.settings() == before


def test_stop_does_not_restore_an_incompatible_release_when_the_new_one_is_not_ready(running):
    running.run("up", "1.1")
    printed = running.run("up", "--stop", "1.2-broken", CHECK="10", fails=True)
    assert "restore deploy/backups/before-1.2-broken and deploy localhost/site:1.1." in printed
    assert running.replaced() == [("1.2-broken", "web-1")]
    assert "no release to go back to" in running.run("rollback", fails=True)


def test_stop_does_not_start_the_old_release_after_a_partial_migration(running):
    running.run("up", "1.1")
    printed = running.run("up", "--stop", "1.2", CHECK="10", MIGRATE="1", APPLIED="yes", fails=True)
    assert "halfway" in printed
    assert "restore deploy/backups/before-1.2 and deploy localhost/site:1.1." in printed
    assert "start web-1 web-2 worker housekeeping" not in [call for _, call in running.calls()]
    assert "no release to go back to" in running.run("rollback", fails=True)


def test_stop_does_not_stop_the_site_for_a_compatible_release(running):
    running.run("up", "--stop", "1.1")
    assert not [call for _, call in running.calls() if call.startswith("stop")]
    assert running.settings()["PREVIOUS_IMAGE"] == "localhost/site:1.0"


def test_sqlite_is_backed_up_into_a_folder_of_any_name(tmp_path):
    sqlite3.connect(tmp_path / "db.sqlite3").execute("CREATE TABLE kept (id)")
    copy = tmp_path / 'today\'s "copy"'
    environment = servers.environment_for(tmp_path, PYTHON=sys.executable)
    subprocess.run([ROOT / "deploy" / "backup", copy], env=environment, check=True, capture_output=True)
    assert sqlite3.connect(copy / "site.sqlite3").execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.mark.parametrize("script", ["backup", "restore"])
def test_backup_and_restore_need_libpq_variables_for_postgresql(tmp_path, script):
    environment = servers.environment_for(tmp_path, DATABASE_URL="postgres://site:s3cret@db:5432/site")
    command = [ROOT / "deploy" / script, tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "For PostgreSQL, set PGDATABASE, PGHOST, PGUSER and PGPASSWORD.\n",
    )


def test_git_and_the_image_ignore_the_certificates_key(tmp_path):
    shutil.copyfile(ROOT / ".gitignore", tmp_path / ".gitignore")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    command = ["git", "-C", tmp_path, "check-ignore", "deploy/tls/privkey.pem", "deploy/.env"]
    assert subprocess.run(command, check=False, capture_output=True, text=True).stdout.count("\n") == 2
    assert "deploy" in (ROOT / ".dockerignore").read_text().splitlines()


def test_daily_runs_a_command_each_day_and_an_hour_after_a_failure_until_it_is_terminated(tmp_path):
    """A stand-in for `sleep` records each call and returns immediately, except the sixth."""
    (tmp_path / "sleep").write_text(
        '#!/bin/sh\necho "$1" >> slept\n[ "$(wc -l < slept)" -lt 6 ] || exec sleep.real 60\n'
    )
    (tmp_path / "work").write_text('#!/bin/sh\necho x >> worked\n[ "$(wc -l < worked)" != 2 ]\n')
    (tmp_path / "sleep.real").symlink_to(shutil.which("sleep"))
    for name in ("sleep", "work"):
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["sh", ROOT / "deploy" / "daily", "work"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        servers.wait_until(lambda: (tmp_path / "slept").exists() and len(slept(tmp_path)) == 6)
        process.terminate()
        assert process.wait(5) == 0
        assert process.stderr.read() == "Failed. It runs again in an hour: work\n"
    assert slept(tmp_path) == ["600", "86400", "3600", "86400", "86400", "86400"]


def slept(folder):
    return (folder / "slept").read_text().split()
