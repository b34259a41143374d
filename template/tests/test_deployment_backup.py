"""Backup, loss and restore of each database, and the move from SQLite to PostgreSQL."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest

from apps.sse.tests.servers import postgres as postgresql
from apps.sse.tests.servers.streaming import events
from tests import servers

pytestmark = pytest.mark.soak

# A site with public channels.
STREAM = "/channels/?channel=feed"
OPEN = {
    "DJANGO_SETTINGS_MODULE": "apps.sse.tests.chaos.settings",
    "PROJECT_SETTINGS": f"{servers.PACKAGE}.settings",
}


@pytest.fixture(params=["sqlite", "postgres"])
def variables(request):
    """The environment variables for each database."""
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": request.getfixturevalue("postgres").url}


def run(script, *arguments, environment):
    path = f"{postgresql.binaries()}{os.pathsep}{os.environ['PATH']}"
    command = [servers.ROOT / "deploy" / script, *map(str, arguments)]
    environment = (
        environment | libpq(environment.get("DATABASE_URL", "")) | {"PATH": path, "PYTHON": sys.executable}
    )
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def libpq(url):
    """Return a database URL as variables for PostgreSQL's programs."""
    parts = urlsplit(url)
    found = {"PGHOST": parts.hostname, "PGPORT": str(parts.port), "PGUSER": parts.username}
    return found | {"PGDATABASE": parts.path.strip("/")} if url else {}


def shell(code, environment):
    return servers.manage("shell", "--no-imports", "--command", code, environment=environment).split()


USERS = "from django.contrib.auth import get_user_model as u; print('users', u().objects.count())"


def test_a_restore_brings_back_lost_data_and_resets_clients_with_later_positions(tmp_path, variables):
    data, copy = tmp_path / "data", tmp_path / "today's copy"
    data.mkdir()
    environment = servers.environment_for(data, **variables)
    servers.manage("migrate", "--verbosity", "0", environment=environment)
    servers.manage("demo_users", environment=environment)
    (data / "media").mkdir(exist_ok=True)
    (data / "media" / "picture.webp").write_bytes(b"a picture")
    kept = servers.manage("sse_publish", "feed", "said", "before", environment=environment).strip()
    run("backup", copy, environment=environment)
    lost = servers.manage("sse_publish", "feed", "said", "after", environment=environment).strip()
    users = shell(USERS, environment)

    shell("from django.contrib.auth import get_user_model as u; u().objects.all().delete()", environment)
    (data / "media" / "picture.webp").unlink()
    if not variables:
        (data / "db.sqlite3").write_bytes(b"")
    run("restore", copy, environment=environment)

    assert shell(USERS, environment)[-2:] == users[-2:]
    assert (data / "media" / "picture.webp").read_bytes() == b"a picture"
    assert [file.name for file in copy.iterdir() if file.stat().st_mode & 0o077] == []
    again = servers.manage("sse_publish", "feed", "said", "again", environment=environment).strip()
    with servers.serving("uvicorn", data, package="apps.sse.tests.chaos", **OPEN, **variables) as server:
        ahead = events(server.url, STREAM, 1, **{"Last-Event-ID": lost})
        behind = events(server.url, STREAM, 1, **{"Last-Event-ID": kept})
    assert [event.event for event in ahead] == ["sse:reset"]
    assert [(event.event, event.id) for event in behind] == [("said", again)]


def test_a_site_moves_from_sqlite_to_postgresql_with_all_its_data(migrated, postgres, tmp_path):
    servers.copy_database(migrated, tmp_path)
    before = servers.environment_for(tmp_path)
    servers.manage("demo", "--seed", environment=before)
    count = (
        "from django.apps import apps; "
        "print([(m._meta.label, m._base_manager.count()) for m in apps.get_models() "
        "if m._meta.app_label in ('accounts', 'feed', 'notifications', 'tasks')])"
    )
    own = "a = u().objects.get(username='ada'); a.set_password('my own'); a.save()"
    shell(f"from django.contrib.auth import get_user_model as u; {own}", before)
    after = servers.environment_for(tmp_path, DATABASE_URL=postgres.url)
    run("to-postgresql", environment=after)
    servers.manage("demo_users", "--remove", environment=before)
    counted = shell(count, before)
    assert shell(count, after) == counted
    shell("from django.contrib.auth import get_user_model as u; u().objects.create_user('zoe')", after)
    moved = servers.serving("uvicorn", tmp_path, DATABASE_URL=postgres.url)
    with moved as server, httpx.Client(base_url=server.url) as client:
        client.get("/accounts/login/")
        form = {"login": "ada", "password": "my own", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        assert client.post("/accounts/login/", data=form).status_code == 302
