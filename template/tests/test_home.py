"""The first page: its links, its chart, and the header."""

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.site import load
from apps.sse import publish
from apps.sse.testing import StreamClient
from tests.servers import PACKAGE

beat = import_module(f"{PACKAGE}.views").beat

pytestmark = pytest.mark.django_db


@pytest.fixture
def private(settings):
    settings.DASHBOARD_PUBLIC = settings.GUIDE_PUBLIC = False


@pytest.fixture
def ada(client, django_user_model):
    """A user who is not staff, logged in."""
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    return user


def test_header_updates_of_several_apps_share_one_stream(
    client, ada, monkeypatch, django_capture_on_commit_callbacks
):
    for label in ("feed", "tasks"):
        config = apps.get_app_config(label)
        monkeypatch.setattr(
            config, "header_channels", lambda user, label=label: [f"{label}:{user}"], raising=False
        )
    assert Client().get("/api/header/stream/").status_code == 403
    with StreamClient(client).open("/api/header/stream/") as stream:
        with django_capture_on_commit_callbacks(execute=True):
            for channel in ("feed:ada", "feed:grace", "tasks:ada"):
                publish(channel, "count", channel)
        assert [stream.next().data, stream.next().data] == ["feed:ada", "tasks:ada"]
        stream.assert_no_event()


def test_a_second_that_was_not_measured_is_a_gap_in_the_chart_and_a_dash_in_its_table(monkeypatch):
    monkeypatch.setattr(load, "record", lambda: None)
    monkeypatch.setattr(load, "loads", [50.0, 0.0, None, 50.0, 25.0])
    chart = beat()["html"]
    assert 'class="home-line" d="M26 0L27 100M29 0L30 50"' in chart
    assert 'class="home-area" d="M26 0L27 100V100H26ZM29 0L30 50V100H29Z"' in chart
    assert re.findall(r"<span>(\d+) s ago: (\d+ %|–)", chart) == [
        ("4", "50 %"), ("3", "0 %"), ("2", "–"), ("1", "50 %"), ("0", "25 %"),
    ]  # fmt: skip


def test_staff_see_links_to_pages_that_are_not_public(admin_client, private):
    cache.clear()
    page = admin_client.get("/").content.decode()
    assert reverse("dashboard") in page
    assert 'dj-sse-field="dashboard"' not in page


def test_the_first_page_has_the_lists_that_the_task_stream_updates(client, ada):
    page = client.get("/").text
    assert [page.count(f'id="{name}"') for name in ("tasks-now", "tasks-finished")] == [1, 1]


def test_users_who_may_not_read_the_guide_see_no_demo(client, ada, private):
    assert reverse("notify-me") not in client.get("/").text


def test_each_installed_app_is_linked(client, ada, settings):
    settings.GUIDE_PUBLIC = True
    page = client.get("/").content.decode()
    assert reverse("notify-me") in page
    assert [name for name in ("feed", "tasks", "notifications", "guide") if reverse(name) not in page] == []


def test_a_user_over_the_rate_limit_gets_429_with_retry_after(client, ada, settings, monkeypatch):
    monkeypatch.setattr("apps.sse.access.limits.WINDOW_SECONDS", 10**10)
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 1
    answers = [client.post(reverse("notify-me"), headers={"accept": "application/json"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 429]
    assert int(answers[1].headers["Retry-After"]) > 0
    assert ada.notifications.count() == 1


def test_without_javascript_the_page_confirms_the_notification_and_a_refreshing_tab_does_not_consume_the_message(
    client, ada
):
    client.post(reverse("notify-me"), headers={"accept": "text/html"})
    assert "Sent." not in client.get("/", headers={"SSE-Refresh": "yes"}).text
    assert "Sent." in client.get("/").text
    assert ada.notifications.count() == 1
