"""Where people start."""

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.core.cache import cache
from django.urls import reverse

from apps.feed.models import Post
from apps.notifications.notify import notify
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


async def test_the_first_page_moves_every_second():
    async with StreamClient().open("/api/home/stream/") as stream:
        beats = [await stream.next() for _ in range(3)]
    assert {each.name for each in beats} == {"beat"}
    assert len({each.data["html"] for each in beats}) > 1


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
    Task.objects.create(owner=ada, name="running.csv", state=Task.State.RUNNING)
    Task.objects.create(owner=ada, name="finished.csv", state=Task.State.DONE)
    page = client.get("/").content.decode()
    assert re.search(r"data-notification-count>1<", page)
    assert "The newest post" in page
    assert "running.csv" in page
    assert "finished.csv" not in page


def test_a_user_sends_a_notification_to_nobody_but_themselves(client, ada, django_user_model):
    other = django_user_model.objects.create_user("grace")
    answer = client.post(reverse("notify-me"), headers={"accept": "application/json"})
    assert answer.status_code == 204
    assert ada.notifications.unread().count() == 1
    assert other.notifications.count() == 0


def test_a_visitor_who_asks_for_a_notification_is_asked_to_log_in(client):
    assert client.post(reverse("notify-me")).url == f"{reverse('login')}?next=/"


def test_without_the_app_for_notifications_there_is_no_such_address(client, ada, monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "apps.notifications")
    assert client.post(reverse("notify-me")).status_code == 404
