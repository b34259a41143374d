"""Whether a process lives and is ready: asked from inside, in plain http, to whatever name."""

import re
import subprocess
import sys
from datetime import timedelta

import httpx
import pytest
from django.db import connection
from django.test import AsyncClient
from django.utils import timezone

from apps.operations import health
from tests import servers


@pytest.fixture(autouse=True)
def _looks_anew(monkeypatch):
    monkeypatch.setattr(health, "readiness", health.Readiness())
    monkeypatch.setattr(health, "KEPT_SECONDS", 0)


@pytest.fixture
def as_in_production(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["example.com"]


@pytest.fixture
def broken_broker(monkeypatch):
    def fail():
        raise ConnectionError("redis.internal refuses")

    monkeypatch.setattr(health, "get_broker", fail)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_it_answers_in_plain_http_to_any_name(client, as_in_production, path):
    answer = client.get(path, headers={"Host": "10.1.2.3:8000"})
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
async def test_it_answers_the_same_under_asgi():
    answer = await AsyncClient().get("/health/ready", headers={"Host": "10.1.2.3"})
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert (await AsyncClient().get("/health/live")).status_code == 200


def test_other_pages_still_want_https_and_the_right_name(client, as_in_production):
    assert client.get("/health/", headers={"Host": "example.com"}).status_code == 301
    assert client.get("/accounts/login/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.mark.django_db
def test_a_broker_that_is_away_makes_it_not_ready_and_strangers_are_not_told_why(
    client, broken_broker, settings, caplog
):
    settings.METRICS_TOKEN = "token"
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer "}):
        answer = client.get("/health/ready", headers=headers)
        assert (answer.status_code, answer.content) == (503, b"unavailable\n")
    told = client.get("/health/ready", headers={"Authorization": "Bearer token"})
    assert told.json()["problems"] == {"broker": "ConnectionError: redis.internal refuses"}
    assert client.get("/health/live").status_code == 200
    assert [record.name for record in caplog.records] == [health.__name__], "said once, not with each question"


@pytest.fixture
def enqueued(transactional_db):
    """Enqueue a task that was due so many seconds ago, at once or at a moment that was named."""
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


def test_tasks_that_no_worker_takes_are_told_of_and_the_web_server_stays_ready(client, settings, enqueued):
    settings.METRICS_TOKEN = "token"

    def told(path="/health/ready"):
        return client.get(path, headers={"Authorization": "Bearer token"}).json()

    assert told() == {"problems": {}, "tasks": {"waiting": 0, "seconds": 0}}
    enqueued(-30, at_once=False)
    assert told()["tasks"]["waiting"] == 0, "it is not due yet"
    enqueued(5, at_once=False)
    assert told()["tasks"] == {"waiting": 1, "seconds": pytest.approx(5, abs=2)}
    enqueued(90)
    assert told()["tasks"] == {"waiting": 2, "seconds": pytest.approx(90, abs=2)}
    assert told("/health/live") == {"problems": {}}
    assert (client.get("/health/ready").status_code, client.get("/health/ready").content) == (200, b"ok\n")


def test_prometheus_can_alert_on_tasks_that_no_worker_takes(client, settings, enqueued):
    settings.METRICS_TOKEN = "token"

    def read():
        page = client.get("/metrics/", headers={"Authorization": "Bearer token"}).content.decode()
        return {name: float(value) for name, value in re.findall(r"^(tasks_\w+) (\S+)$", page, re.MULTILINE)}

    assert read() == {"tasks_due": 0, "tasks_due_seconds": 0}
    enqueued(90)
    assert read() == {"tasks_due": 1, "tasks_due_seconds": pytest.approx(90, abs=5)}
    taken = timezone.now()
    pytest.importorskip("django_tasks_db.models").DBTaskResult.objects.get().claim("worker")
    assert read() == {
        "tasks_due": 0,
        "tasks_due_seconds": 0,
        "tasks_last_taken_timestamp_seconds": pytest.approx(taken.timestamp(), abs=5),
    }


@pytest.mark.django_db
def test_without_a_token_nobody_is_told(client, broken_broker, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/health/ready", headers={"Authorization": "Bearer "}).content == b"unavailable\n"


@pytest.mark.django_db
def test_a_missing_migration_makes_it_not_ready():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'feed'")
    assert health.Readiness().problems() == {"migrations": "1 not applied, first feed.0001_initial"}


def test_a_database_that_is_away_makes_it_not_ready(monkeypatch):
    monkeypatch.setattr(health, "ask_database", lambda: 1 / 0)
    assert health.Readiness().problems() == {"database": "ZeroDivisionError: division by zero"}


@pytest.mark.django_db
def test_who_asks_often_is_told_the_same_without_another_look(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(health, "KEPT_SECONDS", 60)
    readiness = health.Readiness()
    assert readiness.problems() == {}
    with django_assert_num_queries(0):
        assert readiness.problems() == {}


@pytest.mark.django_db
def test_only_questions_are_answered(client):
    assert client.post("/health/live").status_code == 405
    assert client.head("/health/live").status_code == 200


def test_the_check_of_the_container_tells_ready_from_not_ready_and_from_nobody(site, tmp_path):
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
    done = check(f"unix:{tmp_path}/nobody")
    assert (done.returncode, done.stdout[:17]) == (1, "FileNotFoundError")
