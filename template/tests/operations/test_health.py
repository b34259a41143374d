"""Disks, databases and queues that keep a process from being ready."""

import contextlib
import os
import shutil
import subprocess

import pytest

from apps.operations import health
from tests import servers
from tests.fixtures import need


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(health, "readiness", health.Readiness())
    monkeypatch.setattr(health, "KEPT_SECONDS", 0)


@pytest.mark.django_db
def test_where_there_is_no_queue_nothing_is_said_of_it(client, settings):
    settings.METRICS_TOKEN = "token"
    settings.INSTALLED_APPS = [
        app for app in settings.INSTALLED_APPS if app not in ("django_tasks_db", "apps.tasks")
    ]
    assert client.get("/health/ready", headers={"Authorization": "Bearer token"}).json()["tasks"] is None


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 1 MiB."""
    need(os.geteuid() == 0 and shutil.which("mount"), "The right to mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.django_db
def test_a_full_disk_makes_it_not_ready_until_there_is_room(settings, small_disk, monkeypatch):
    monkeypatch.setattr(health, "DISK_KEPT_SECONDS", 0)
    settings.DATA_DIR = small_disk
    readiness = health.Readiness()
    assert readiness.problems() == {}
    with contextlib.suppress(OSError):
        (small_disk / "large").write_bytes(bytes(2**20))
    assert readiness.problems() == {"disk": f"No space left on device: {small_disk}"}
    (small_disk / "large").unlink()
    assert readiness.problems() == {}


@pytest.mark.django_db
def test_a_storm_of_questions_writes_to_the_disk_once(monkeypatch):
    tries = []
    monkeypatch.setattr(health, "try_disk", lambda: tries.append("try") or "")
    readiness = health.Readiness()
    assert [readiness.problems() for _ in range(5)] == [{}] * 5
    assert tries == ["try"]


def test_a_database_that_is_read_only_makes_it_not_ready(postgres, tmp_path):
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url)
    servers.manage("migrate", "--verbosity", "0", environment=environment)
    environment["PGOPTIONS"] = "-c default_transaction_read_only=on"
    code = "from apps.operations.health import readiness; print(readiness.problems())"
    assert "{'database': 'it is read-only'}" in servers.manage(
        "shell", "--no-imports", "--command", code, environment=environment
    )
