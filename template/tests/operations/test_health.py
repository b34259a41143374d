"""Readiness: disk, database and task queue."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from apps.operations import health
from tests import servers
from tests.fixtures import need


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setattr(health, "readiness", health.Readiness())
    monkeypatch.setattr(health, "CACHE_SECONDS", 0)


@pytest.mark.django_db
def test_without_a_queue_its_tasks_are_null(client, settings):
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
def test_a_process_is_not_ready_while_its_disk_is_full(settings, small_disk):
    settings.DATA_DIR = small_disk
    readiness = health.Readiness()
    assert readiness.problems() == {}
    with contextlib.suppress(OSError):
        (small_disk / "large").write_bytes(bytes(2**20))
    assert readiness.problems() == {"disk": f"No space left on device: {small_disk}"}
    (small_disk / "large").unlink()
    assert readiness.problems() == {}


def test_a_process_is_not_ready_if_its_database_is_read_only(postgres, tmp_path):
    environment = servers.environment_for(tmp_path, DATABASE_URL=postgres.url)
    environment["PGOPTIONS"] = "-c default_transaction_read_only=on"
    code = "from apps.operations.health import readiness; print(readiness.problems())"
    printed = servers.manage("shell", "--no-imports", "--command", code, environment=environment)
    assert "{'database': 'it is read-only'}" in printed


@pytest.fixture
def enqueued(transactional_db):
    """Enqueue a task that became due some seconds ago, with or without a `run_after`."""
    results = pytest.importorskip("django_tasks_db.models")

    def enqueue(seconds, *, at_once=True):
        due = timezone.now() - timedelta(seconds=seconds)
        result = results.DBTaskResult.objects.create(
            args_kwargs={"args": [], "kwargs": {}},
            task_path="nowhere",
            backend_name="default",
            run_after=results.get_date_max() if at_once else due,
        )
        results.DBTaskResult.objects.filter(pk=result.pk).update(
            enqueued_at=due if at_once else due - timedelta(9)
        )

    return enqueue


def test_waiting_tasks_are_shown_and_the_web_server_stays_ready(client, settings, enqueued):
    settings.METRICS_TOKEN = "token"

    def show(path="/health/ready"):
        return client.get(path, headers={"Authorization": "Bearer token"}).json()

    assert show() == {"problems": {}, "tasks": {"waiting": 0, "seconds": 0}}
    enqueued(-30, at_once=False)
    assert show()["tasks"]["waiting"] == 0, "the task is not due yet"
    enqueued(5, at_once=False)
    assert show()["tasks"] == {"waiting": 1, "seconds": pytest.approx(5, abs=2)}
    enqueued(90)
    assert show()["tasks"] == {"waiting": 2, "seconds": pytest.approx(90, abs=2)}
    assert show("/health/live") == {"problems": {}}
    assert (client.get("/health/ready").status_code, client.get("/health/ready").content) == (200, b"ok\n")


def test_waiting_tasks_are_metrics_for_prometheus(client, settings, enqueued):
    settings.METRICS_TOKEN = "token"

    def read():
        page = client.get("/metrics/", headers={"Authorization": "Bearer token"}).content.decode()
        return {name: float(value) for name, value in re.findall(r"^(tasks_\w+) (\S+)$", page, re.MULTILINE)}

    assert read() == {"tasks_due": 0, "tasks_due_seconds": 0}
    enqueued(90)
    assert read() == {"tasks_due": 1, "tasks_due_seconds": pytest.approx(90, abs=5)}
    started = timezone.now()
    pytest.importorskip("django_tasks_db.models").DBTaskResult.objects.get().claim("worker")
    assert read() == {
        "tasks_due": 0,
        "tasks_due_seconds": 0,
        "tasks_last_taken_timestamp_seconds": pytest.approx(started.timestamp(), abs=5),
    }


def test_the_containers_health_check_fails_without_a_ready_server(site, tmp_path):
    def check(bind="", **variables):
        environment = servers.environment_for(tmp_path, **({"BIND": bind} if bind else variables))
        command = [sys.executable, "deploy/healthcheck.py"]
        return subprocess.run(
            command, cwd=servers.ROOT, env=environment, capture_output=True, text=True, check=False
        )

    done = check(site.url.removeprefix("http://"))
    assert (done.returncode, done.stdout) == (0, "200 ok\n")
    assert check(PORT=site.url.rpartition(":")[2]).stdout == "200 ok\n"
    assert httpx.get(f"{site.url}/health/ready").text == "ok\n"
    assert check(f"127.0.0.1:{servers.free_port()}").returncode == 1
    done = check(f"unix:{tmp_path}/missing")
    assert (done.returncode, done.stdout[:17]) == (1, "FileNotFoundError")
