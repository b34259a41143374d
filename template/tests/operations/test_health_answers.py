"""A process answers whether it runs and can serve, in plain HTTP and to any host name."""

import pytest
from django.db import connection
from django.test import AsyncClient

from apps.operations import health


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


@pytest.mark.django_db
def test_without_a_token_nobody_is_told(client, broken_broker, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/health/ready", headers={"Authorization": "Bearer "}).content == b"unavailable\n"


@pytest.mark.django_db
def test_a_missing_migration_makes_it_not_ready():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'feed' AND name = '0001_initial'")
    assert health.Readiness().problems() == {"migrations": "1 not applied, first feed.0001_initial"}


def test_a_database_that_is_away_makes_it_not_ready(monkeypatch):
    monkeypatch.setattr(health, "check_database", lambda: 1 / 0)
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
