"""The responses of `/health/live` and `/health/ready`."""

import pytest
from django.db import connection
from django.test import AsyncClient

from apps.operations import health


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setattr(health, "readiness", health.Readiness())
    monkeypatch.setattr(health, "CACHE_SECONDS", 0)


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
def test_both_paths_answer_plain_http_and_any_host_name(client, as_in_production, path):
    response = client.get(path, headers={"Host": "10.1.2.3:8000"})
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
async def test_both_paths_answer_under_asgi():
    response = await AsyncClient().get("/health/ready", headers={"Host": "10.1.2.3"})
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert (await AsyncClient().get("/health/live")).status_code == 200


def test_other_pages_require_https_and_an_allowed_host(client, as_in_production):
    assert client.get("/health/", headers={"Host": "example.com"}).status_code == 301
    assert client.get("/accounts/login/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.mark.django_db
def test_a_process_is_not_ready_without_its_broker_and_shows_the_reason_with_the_token_only(
    client, broken_broker, settings, caplog
):
    settings.METRICS_TOKEN = "token"
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer "}):
        response = client.get("/health/ready", headers=headers)
        assert (response.status_code, response.content) == (503, b"unavailable\n")
    shown = client.get("/health/ready", headers={"Authorization": "Bearer token"})
    assert shown.json()["problems"] == {"broker": "ConnectionError: redis.internal refuses"}
    assert client.get("/health/live").status_code == 200
    assert [record.name for record in caplog.records] == [health.__name__], (
        "the problem is logged once, not for each request"
    )


@pytest.mark.django_db
def test_without_a_token_no_reason_is_shown(client, broken_broker, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/health/ready", headers={"Authorization": "Bearer "}).content == b"unavailable\n"


@pytest.mark.django_db
def test_a_process_is_not_ready_if_a_migration_is_missing():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'feed' AND name = '0002_figures'")
    assert health.Readiness().find() == {"migrations": "1 not applied, first feed.0002_figures"}


def test_a_process_is_not_ready_without_its_database(monkeypatch):
    monkeypatch.setattr(health, "check_database", lambda: 1 / 0)
    assert health.Readiness().problems() == {"database": "ZeroDivisionError: division by zero"}


@pytest.mark.django_db
def test_frequent_requests_share_one_check(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(health, "CACHE_SECONDS", 60)
    readiness = health.Readiness()
    assert readiness.problems() == {}
    with django_assert_num_queries(0):
        assert readiness.problems() == {}


@pytest.mark.django_db
def test_only_get_and_head_are_allowed(client):
    assert client.post("/health/live").status_code == 405
    assert client.head("/health/live").status_code == 200
