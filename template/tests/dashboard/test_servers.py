"""The dashboard's stream on every kind of server."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from apps.sse.tests.servers.streaming import events
from tests import servers

SERVERS = [
    "uvicorn with two workers",
    *(
        pytest.param(kind, marks=pytest.mark.soak)
        for kind in ("uvicorn", "gunicorn with sync workers", "gunicorn with uvicorn-worker", "runserver")
    ),
]


@pytest.mark.parametrize("kind", SERVERS)
def test_every_worker_sends_the_same_numbers_of_the_whole_deployment(serve, kind):
    with serve(kind) as server, ThreadPoolExecutor(4) as pool:
        assert httpx.get(f"{server.url}/dashboard/").status_code == 200
        viewers = list(pool.map(lambda _: events(server.url, "/api/dashboard/stream/", 4), range(4)))
    points = [{event.id: json.loads(event.data) for event in received} for received in viewers]
    together = set.intersection(*(set(received) for received in points))
    assert len(together) >= 2, "the streams were open at the same time"
    for time in together:
        assert all(received[time] == points[0][time] for received in points)
    assert any(received[time]["streams"] == 4 for received in points for time in received)


def test_an_idle_worker_has_a_row_until_it_ends_and_a_command_has_none(migrated, tmp_path):
    servers.copy_database(migrated, tmp_path)
    environment = servers.environment_for(tmp_path)

    def kinds():
        with contextlib.closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
            return [kind for (kind,) in database.execute("SELECT kind FROM sse_process")]

    command = [sys.executable, "manage.py", "db_worker", "--no-reload"]
    worker = subprocess.Popen(command, cwd=servers.ROOT, env=environment)
    try:
        servers.wait_until(kinds)
        servers.manage("sse_publish", "news", "item", environment=environment)
        assert kinds() == ["worker"]
    finally:
        worker.terminate()
        worker.wait(10)
    assert kinds() == []


def test_the_first_migration_announces_no_figures(tmp_path):
    assert servers.manage("migrate", "--verbosity=0", environment=servers.environment_for(tmp_path)) == ""


def test_figures_are_the_same_on_postgresql(postgres, tmp_path):
    names = (
        "template/tests/dashboard/test_figures",
        "template/tests/dashboard/test_activity",
        "apps/dashboard/tests/test_activity",
    )
    files = [f"{name}.py" for name in names]
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *files]
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url, CACHE_URL="locmemcache://")
    done = subprocess.run(command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
