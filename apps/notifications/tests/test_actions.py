"""The buttons: mark read and unread, delete, undo, for the user's own notifications only."""

import pytest
from django.urls import reverse

from apps.sse.testing import StreamClient

from ..models import Notification
from ..notify import notify

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ONE = ["notification-read", "notification-unread", "notification-delete", "notification-restore"]


@pytest.fixture
def reader(client, ada):
    """A client in which ada is logged in."""
    client.force_login(ada)
    return client


@pytest.fixture
def notification(ada, grace):
    """A notification of ada."""
    return notify(ada, "mentioned you", actor=grace)[0]


def act(client, name, pk=None, headers=JSON):
    return client.post(reverse(name, args=[pk] if pk else []), headers=headers)


@pytest.fixture
def press(reader, django_capture_on_commit_callbacks):
    """Press the button with a URL; return the event that other pages receive, and the URL that undoes it."""

    def post(url):
        with StreamClient(reader).open("/api/notifications/stream/") as stream:
            with django_capture_on_commit_callbacks(execute=True):
                answer = reader.post(url, headers=JSON).json()
            change = stream.assert_event("notification-state").data
        assert answer["changes"] == [change]
        return change, answer["undo"]

    return post


def test_the_button_on_the_first_page_notifies_only_its_user(reader, ada, grace):
    assert reader.post(reverse("notify-me"), headers=JSON).status_code == 204
    assert (ada.notifications.unread().count(), grace.notifications.count()) == (1, 0)


@pytest.mark.parametrize("name", ["read", "delete"])
def test_a_buttons_change_reaches_every_page_and_can_be_undone(press, notification, reader, name):
    change, undo = press(f"/api/notifications/{notification.pk}/{name}/")
    assert change == {
        "ids": [notification.pk],
        "unread": [],
        "deleted": [notification.pk] if name == "delete" else [],
    }
    assert not Notification.objects.unread().exists()
    assert ("mentioned you" in reader.get("/notifications/").text) == (name == "read")
    change, _undo = press(undo)
    assert change == {"ids": [notification.pk], "unread": [notification.pk], "deleted": []}
    assert "mentioned you" in reader.get("/notifications/").text


def test_mark_all_read_changes_the_unread_ones_and_its_undo_the_same_ones(press, ada, notification):
    earlier, second = notify(ada, "read before")[0], notify(ada, "second")[0]
    press(f"/api/notifications/{earlier.pk}/read/")
    unread = [notification.pk, second.pk]
    change, undo = press("/api/notifications/read/")
    assert change == {"ids": unread, "unread": [], "deleted": []}
    assert not ada.notifications.unread().exists()
    change, _undo = press(undo)
    assert change == {"ids": unread, "unread": unread, "deleted": []}


def test_a_plain_form_shows_the_list_and_an_undo_button(reader, notification):
    response = reader.post(
        f"/api/notifications/{notification.pk}/read/", {"show": "unread"}, headers=HTML, follow=True
    )
    assert response.redirect_chain == [("/notifications/?show=unread", 302)]
    assert "Marked as read." in response.text
    assert f'formaction="/api/notifications/{notification.pk}/unread/">Undo' in response.text


@pytest.mark.parametrize("name", ONE)
def test_notifications_of_other_users_are_not_found(reader, grace, name):
    secret = notify(grace, "is a secret")[0]
    before = Notification.objects.values().get()
    answers = [act(reader, name, pk) for pk in (secret.pk, 987_654, 10**17)]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "secret" not in answers[0].text
    assert Notification.objects.values().get() == before


@pytest.mark.parametrize("name", ONE)
def test_visitors_are_redirected_to_log_in_and_get_no_stream(client, notification, name):
    assert act(client, name, notification.pk).url == "/accounts/login/?next=/notifications/"
    assert act(client, "notify-me").url == "/accounts/login/?next=/"
    assert client.get("/notifications/").status_code == 302
    assert client.get("/api/notifications/stream/").status_code == 403
    assert Notification.objects.unread().count() == 1
