"""The rate limit of requests that publish."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpResponse
from django.test import RequestFactory

from apps.sse import rate_limited, retry_after
from apps.sse.access import limits


class Person:
    def __init__(self, pk):
        self.pk = pk


@pytest.fixture(autouse=True)
def clock(settings, monkeypatch):
    """20 seconds into a minute, which does not end during a test."""
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 2
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
    now = [1_200_000_020.0]
    monkeypatch.setattr(limits.time, "time", lambda: now[0])
    return now


@rate_limited
def view(request):
    return HttpResponse("done")


def send(method, user):
    request = getattr(RequestFactory(), method)("/")
    request.user = user
    return view(request)


def test_a_user_beyond_the_limit_waits_for_the_next_minute(clock):
    assert [retry_after(Person(1)) for _ in range(4)] == [0, 0, 40, 40]
    assert retry_after(Person(2)) == 0
    clock[0] += 39.5
    assert retry_after(Person(1)) == 1
    clock[0] += 0.5
    assert retry_after(Person(1)) == 0


def test_a_limited_view_returns_429_with_retry_after():
    assert [send("post", Person(1)).status_code for _ in range(2)] == [200, 200]
    refused = send("post", Person(1))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert refused.text == "Too many requests. Try again in 40 seconds.\n"
    assert send("get", Person(1)).status_code == 200


def test_visitors_are_not_limited_and_without_a_limit_neither_are_users(settings):
    assert [retry_after(AnonymousUser()) for _ in range(3)] == [0, 0, 0]
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 0
    assert [retry_after(Person(1)) for _ in range(3)] == [0, 0, 0]


def test_users_can_publish_while_the_cache_fails(monkeypatch, caplog):
    def fail(*args):
        raise ConnectionError

    monkeypatch.setattr(cache, "add", fail)
    assert [retry_after(Person(1)) for _ in range(3)] == [0, 0, 0]
    assert "no rate limit is applied" in caplog.text
