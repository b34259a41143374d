"""Where people start."""

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.feed.models import Post
from apps.notifications.notify import notify
from apps.site import load
from apps.sse import publish
from apps.sse.testing import StreamClient
from apps.tasks.models import Task
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


def test_what_several_apps_show_in_the_header_comes_over_one_stream(
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


async def test_the_first_page_moves_every_second():
    async with StreamClient().open("/api/home/stream/") as stream:
        beats = [await stream.next() for _ in range(3)]
    assert {each.name for each in beats} == {"beat"}
    assert len({each.data["html"] for each in beats}) > 1


def test_a_second_that_was_not_measured_is_a_gap_in_the_chart_and_a_dash_in_its_table(monkeypatch):
    monkeypatch.setattr(load, "record", lambda: None)
    monkeypatch.setattr(load, "loads", [50.0, 0.0, None, 50.0, 25.0])
    chart = beat()["html"]
    assert 'class="home-line" d="M26 0L27 100M29 0L30 50"' in chart
    assert 'class="home-area" d="M26 0L27 100V100H26ZM29 0L30 50V100H29Z"' in chart
    assert re.findall(r"<span>(\d+) s ago: (\d+ %|–)", chart) == [
        ("4", "50 %"), ("3", "0 %"), ("2", "–"), ("1", "50 %"), ("0", "25 %"),
    ]  # fmt: skip


def test_a_visitor_is_told_what_this_is_and_where_to_go_next(client, settings):
    settings.DASHBOARD_PUBLIC = settings.GUIDE_PUBLIC = True
    page = client.get("/").content.decode()
    assert "Live Django pages, without WebSockets." in page
    assert '<span class="is-name">HomeStream</span>' in page
    assert "Open the dashboard" in page
    assert "Read the guide" in page
    assert reverse("notify-me") not in page


def test_a_visitor_is_led_to_no_page_that_is_not_public_and_can_log_in(client, private):
    page = client.get("/").content.decode()
    assert reverse("dashboard") not in page
    assert reverse("guide") not in page
    assert reverse("login") in page
    assert reverse("signup") in page


def test_staff_are_led_to_pages_that_are_not_public(admin_client, private):
    cache.clear()
    page = admin_client.get("/").content.decode()
    assert reverse("dashboard") in page
    assert 'dj-sse-field="dashboard"' not in page


def test_each_card_has_a_figure(client, ada, settings):
    notify(ada, "Hello")
    Post.objects.bulk_create(Post(author=ada, text="Hello") for _ in range(1234))
    cache.clear()
    found = beat()
    assert (found["feed"], found["tasks"], found["notifications"]) == ("1,234", "0", "1")
    assert '<b dj-sse-field="feed">1,234</b>' in client.get("/").content.decode()


def test_users_see_what_is_theirs(client, ada):
    notify(ada, "Hello")
    Post.objects.create(author=ada, text="The newest post")
    Task.objects.create(owner=ada, kind=Task.Kind.IMPORT, name="running.csv", state=Task.State.RUNNING)
    Task.objects.create(owner=ada, kind=Task.Kind.IMPORT, name="finished.csv", state=Task.State.DONE)
    page = client.get("/").content.decode()
    assert re.search(r"data-notification-count>1<", page)
    assert "The newest post" in page
    assert "running.csv" in page
    assert "finished.csv" not in page


def test_the_running_tasks_are_in_the_lists_that_their_stream_changes(client, ada):
    page = client.get("/").text
    assert [page.count(f'id="{name}"') for name in ("tasks-now", "tasks-finished")] == [1, 1]


def test_each_app_that_is_there_is_led_to(client, ada, settings):
    settings.GUIDE_PUBLIC = True
    page = client.get("/").content.decode()
    assert [name for name in ("feed", "tasks", "notifications", "guide") if reverse(name) not in page] == []


def test_a_user_sends_a_notification_to_nobody_but_themselves(client, ada, django_user_model):
    other = django_user_model.objects.create_user("grace")
    answer = client.post(reverse("notify-me"), headers={"accept": "application/json"})
    assert answer.status_code == 204
    assert ada.notifications.unread().count() == 1
    assert other.notifications.count() == 0


def test_a_user_who_sends_too_many_is_told_to_wait(client, ada, settings, monkeypatch):
    monkeypatch.setattr("apps.sse.rates.WINDOW_SECONDS", 10**10)
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 1
    answers = [client.post(reverse("notify-me"), headers={"accept": "application/json"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 429]
    assert int(answers[1].headers["Retry-After"]) > 0
    assert ada.notifications.count() == 1


def test_without_javascript_the_page_says_that_it_was_sent_and_no_tab_that_refreshes_itself_takes_that(
    client, ada
):
    client.post(reverse("notify-me"), headers={"accept": "text/html"})
    assert "Sent." not in client.get("/", headers={"SSE-Refresh": "yes"}).text
    assert "Sent." in client.get("/").text
    assert ada.notifications.count() == 1


def test_a_visitor_who_asks_for_a_notification_is_asked_to_log_in(client):
    assert client.post(reverse("notify-me")).url == f"{reverse('login')}?next=/"


def test_without_the_app_for_notifications_there_is_no_such_address(client, ada, monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "apps.notifications")
    assert client.post(reverse("notify-me")).status_code == 404
