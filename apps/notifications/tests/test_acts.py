"""Marking read and unread, deleting, undoing: over plain HTTP, for one's own notifications alone."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.sse.testing import StreamClient

from ..models import Notification
from ..notify import notify

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ONE = ["notification-read", "notification-unread", "notification-delete", "notification-restore"]


def act(client, name, pk=None, headers=JSON, **data):
    return client.post(reverse(name, args=[pk] if pk else []), data, headers=headers)


@pytest.fixture
def change(reader, django_capture_on_commit_callbacks):
    """Press a button, `change(name, pk)`, and return what another page of the same user hears."""

    def press(name, pk=None, **data):
        with StreamClient(reader).open("/api/notifications/stream/") as stream:
            with django_capture_on_commit_callbacks(execute=True):
                response = act(reader, name, pk, **data)
            heard = stream.assert_event("notification-state").data
        assert response.json()["changes"] == [heard]
        return heard, response.json()["undo"]

    return press


def test_what_is_marked_read_is_read_on_every_page_and_can_be_undone(change, told):
    heard, undo = change("notification-read", told.pk)
    assert heard == {"ids": [told.pk], "unread": [], "deleted": []}
    told.refresh_from_db()
    assert told.read_at
    assert undo["url"] == f"/api/notifications/{told.pk}/unread/"
    heard, _undo = change("notification-unread", told.pk)
    assert heard == {"ids": [told.pk], "unread": [told.pk], "deleted": []}


def test_buttons_that_are_pressed_too_often_do_nothing(reader, told, settings, monkeypatch):
    monkeypatch.setattr("apps.sse.rates.WINDOW_SECONDS", 10**10)
    settings.SSE_MAX_PUBLISH_PER_MINUTE = 1
    assert act(reader, "notification-read", told.pk).status_code == 200
    assert act(reader, "notification-unread", told.pk).status_code == 429
    told.refresh_from_db()
    assert told.read_at


def test_what_is_deleted_is_gone_from_every_page_and_can_be_brought_back(change, told, reader):
    heard, undo = change("notification-delete", told.pk)
    assert heard == {"ids": [told.pk], "unread": [], "deleted": [told.pk]}
    assert "mentioned you" not in reader.get("/notifications/").text
    assert undo["url"] == f"/api/notifications/{told.pk}/restore/"
    heard, _undo = change("notification-restore", told.pk)
    assert heard == {"ids": [told.pk], "unread": [told.pk], "deleted": []}
    assert "mentioned you" in reader.get("/notifications/").text


def test_all_are_marked_read_and_only_those_become_unread_again(change, ada, told):
    earlier, *rest = notify(ada, "read long ago") + notify(ada, "second") + notify(ada, "third")
    change("notification-read", earlier.pk)
    unread = [told.pk, *(each.pk for each in rest)]
    heard, undo = change("notifications-read")
    assert heard == {"ids": unread, "unread": [], "deleted": []}
    assert not ada.notifications.unread().exists()
    heard, _undo = change("notifications-unread", **undo["values"])
    assert heard == {"ids": unread, "unread": unread, "deleted": []}


def test_thousands_are_marked_read_in_batches_that_fit_an_event(reader, ada):
    Notification.objects.bulk_create(Notification(recipient=ada, verb="again") for _ in range(2500))
    changes = act(reader, "notifications-read").json()["changes"]
    assert [len(change["ids"]) for change in changes] == [1000, 1000, 500]
    assert not ada.notifications.unread().exists()


def test_nothing_unread_is_no_change(reader):
    answer = act(reader, "notifications-read").json()
    assert (answer["changes"], answer["undo"]["url"]) == ([], "")


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("headers", [JSON, HTML, {}])
def test_what_is_not_ones_own_is_not_there(reader, grace, name, headers):
    hers = notify(grace, "is a secret")[0]
    before = Notification.objects.values().get()
    answers = [act(reader, name, pk, headers) for pk in (hers.pk, 987_654, 10**17)]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "secret" not in answers[0].text
    assert Notification.objects.values().get() == before


def test_all_means_all_of_ones_own(reader, grace, told):
    notify(grace, "is a secret")
    act(reader, "notifications-read")
    read_at = Notification.objects.get(pk=told.pk).read_at
    assert grace.notifications.unread().count() == 1
    grace.notifications.update(read_at=read_at)
    act(reader, "notifications-unread", read_at=read_at.isoformat())
    assert not grace.notifications.unread().exists()


def test_a_form_is_answered_with_the_list_and_a_way_back(reader, told):
    response = reader.post(f"/api/notifications/{told.pk}/read/", {"show": "unread"}, headers=HTML, follow=True)
    assert response.redirect_chain == [("/notifications/?show=unread", 302)]
    assert "Marked as read." in response.text
    assert f'formaction="/api/notifications/{told.pk}/unread/">Undo' in response.text
    response = reader.post("/api/notifications/read/", headers=HTML, follow=True)
    assert response.redirect_chain == [("/notifications/", 302)]


@pytest.mark.parametrize("wrong", ["", "yesterday", "2026-13-01T00:00:00+00:00", "2026-01-01T00:00:00"])
def test_a_moment_that_is_none_is_refused(reader, wrong):
    assert act(reader, "notifications-unread", read_at=wrong).status_code == 400


@pytest.mark.parametrize("query", ["show=everything", "before=x", "before=" + "9" * 30, "before=-1"])
def test_a_list_that_there_is_not_is_refused(reader, query):
    assert reader.get(f"/notifications/?{query}").status_code == 400


@pytest.mark.parametrize("name", ONE)
def test_visitors_are_sent_to_log_in_and_hear_nothing(client, told, name):
    assert act(client, name, told.pk).url == "/accounts/login/?next=/notifications/"
    assert client.get("/notifications/").status_code == 302
    assert client.get("/api/notifications/stream/").status_code == 403
    assert Notification.objects.unread().count() == 1


def test_a_form_of_another_site_is_refused(ada, told):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert act(client, "notification-read", told.pk).status_code == 403
    assert act(client, "notifications-read").status_code == 403


def test_a_link_changes_nothing(reader, told):
    assert reader.get(f"/api/notifications/{told.pk}/read/").status_code == 405
    assert reader.get("/api/notifications/read/").status_code == 405
