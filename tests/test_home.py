"""Where people start."""

import pytest
from django.apps import apps
from django.urls import reverse

from apps.sse.testing import StreamClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def private(settings):
    settings.DASHBOARD_PUBLIC = False


@pytest.fixture
def ada(client, django_user_model):
    """A user who is not staff, logged in."""
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    return user


async def test_the_first_page_moves_every_second():
    async with StreamClient().open("/api/home/stream/") as stream:
        first, second = await stream.next(), await stream.next()
    assert first.name == second.name == "pulse"
    assert first.data["streams"] == 1
    assert first.data["time"] < second.data["time"]


def test_staff_see_the_numbers_of_the_whole_site_and_others_are_offered_no_forbidden_page(
    admin_client, client, ada, private
):
    assert reverse("dashboard-stream") in admin_client.get("/").content.decode()
    page = client.get("/").content.decode()
    assert "Welcome, ada" in page
    assert reverse("dashboard") not in page
    assert reverse("dashboard-stream") not in page


def test_everybody_sees_them_where_the_dashboard_is_public(client, settings):
    settings.DASHBOARD_PUBLIC = True
    assert reverse("dashboard-stream") in client.get("/").content.decode()


def test_a_visitor_is_offered_to_log_in_and_no_button_that_needs_a_user(client, private):
    page = client.get("/").content.decode()
    assert reverse("login") in page
    assert reverse("signup") in page
    assert reverse("notify-me") not in page


def test_each_app_that_is_there_is_led_to(client, ada):
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


def test_without_javascript_the_page_says_that_it_was_sent(client, ada):
    page = client.post(reverse("notify-me"), headers={"accept": "text/html"}, follow=True).content.decode()
    assert "Sent." in page
    assert ada.notifications.count() == 1


def test_a_visitor_who_asks_for_a_notification_is_asked_to_log_in(client):
    assert client.post(reverse("notify-me")).url == f"{reverse('login')}?next=/"


def test_without_the_app_for_notifications_there_is_no_such_address(client, ada, monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "apps.notifications")
    assert client.post(reverse("notify-me")).status_code == 404
