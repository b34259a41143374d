"""The buttons at their limits: many at once, too often, and requests that are no button's."""

import pytest

from apps.notifications.models import Notification
from apps.notifications.notify import notify

JSON = {"Accept": "application/json"}
READ_ALL, UNREAD_ALL = "/api/notifications/read/", "/api/notifications/unread/"


def test_buttons_that_are_pressed_too_often_do_nothing(reader, told, settings, monkeypatch):
    monkeypatch.setattr("apps.sse.access.limits.WINDOW_SECONDS", 10**10)
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 1
    assert reader.post(f"/api/notifications/{told.pk}/read/", headers=JSON).status_code == 200
    assert reader.post(f"/api/notifications/{told.pk}/unread/", headers=JSON).status_code == 429
    told.refresh_from_db()
    assert told.read_at


def test_thousands_are_marked_read_in_batches_that_fit_an_event(reader, ada):
    Notification.objects.bulk_create(Notification(recipient=ada, verb="again") for _ in range(1200))
    changes = reader.post(READ_ALL, headers=JSON).json()["changes"]
    assert [len(change["ids"]) for change in changes] == [500, 500, 200]
    assert not ada.notifications.unread().exists()


def test_nothing_unread_is_no_change(reader):
    answer = reader.post(READ_ALL, headers=JSON).json()
    assert (answer["changes"], answer["undo"]) == ([], "")


def test_all_means_all_of_ones_own(reader, grace, told):
    notify(grace, "is a secret")
    undo = reader.post(READ_ALL, headers=JSON).json()["undo"]
    assert grace.notifications.unread().count() == 1
    grace.notifications.update(read_at=Notification.objects.get(pk=told.pk).read_at)
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
def test_a_time_that_is_none_is_refused(reader, wrong):
    assert reader.post(f"{UNREAD_ALL}?read_at={wrong}", headers=JSON).status_code == 400


@pytest.mark.parametrize("query", ["show=everything", "before=x", "before=" + "9" * 30, "before=-1"])
def test_a_list_that_there_is_not_is_refused(reader, query):
    assert reader.get(f"/notifications/?{query}").status_code == 400
