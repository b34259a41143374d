"""Limits of the buttons: many notifications, too many requests, and invalid requests."""

import pytest
from django.test import Client

from apps.notifications.models import Notification
from apps.notifications.notify import notify

JSON = {"Accept": "application/json"}
READ_ALL, UNREAD_ALL = "/api/notifications/read/", "/api/notifications/unread/"


def test_a_button_pressed_too_often_does_nothing(reader, notification, settings, monkeypatch):
    monkeypatch.setattr("apps.sse.access.limits.WINDOW_SECONDS", 10**10)
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 1
    assert reader.post(f"/api/notifications/{notification.pk}/read/", headers=JSON).status_code == 200
    assert reader.post(f"/api/notifications/{notification.pk}/unread/", headers=JSON).status_code == 429
    notification.refresh_from_db()
    assert notification.read_at


def test_mark_all_read_publishes_batches_that_fit_an_event(reader, ada):
    Notification.objects.bulk_create(Notification(recipient=ada, verb="again") for _ in range(1200))
    changes = reader.post(READ_ALL, headers=JSON).json()["changes"]
    assert [len(change["ids"]) for change in changes] == [500, 500, 200]
    assert not ada.notifications.unread().exists()


def test_mark_all_read_changes_nothing_without_unread_notifications(reader):
    answer = reader.post(READ_ALL, headers=JSON).json()
    assert (answer["changes"], answer["undo"]) == ([], "")


def test_mark_all_read_and_its_undo_leave_other_users_alone(reader, grace, notification):
    notify(grace, "is a secret")
    undo = reader.post(READ_ALL, headers=JSON).json()["undo"]
    assert grace.notifications.unread().count() == 1
    grace.notifications.update(read_at=Notification.objects.get(pk=notification.pk).read_at)
    reader.post(undo, headers=JSON)
    assert not grace.notifications.unread().exists()


@pytest.mark.parametrize(
    "wrong",
    [
        "0001-01-01T00:00:00.0+23:59",
        "9999-12-31T23:59:59.0-23:59",
        "",
        "yesterday",
        "2026-13-01T00:00:00%2B00:00",
        "2026-01-01T00:00:00",
    ],
)
def test_an_invalid_time_is_refused(reader, wrong):
    assert reader.post(f"{UNREAD_ALL}?read_at={wrong}", headers=JSON).status_code == 400


@pytest.mark.parametrize("query", ["show=everything", "before=x", "before=" + "9" * 30, "before=-1"])
def test_an_invalid_query_of_the_list_is_refused(reader, query):
    assert reader.get(f"/notifications/?{query}").status_code == 400


def test_a_link_and_a_form_of_another_site_change_nothing(ada, notification):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    path = f"/api/notifications/{notification.pk}/read/"
    assert (client.post(path).status_code, client.get(path).status_code) == (403, 405)
    assert Notification.objects.unread().count() == 1
