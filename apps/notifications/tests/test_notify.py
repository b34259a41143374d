"""Telling users something, in and out of transactions."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.sse.testing import StreamClient

from ..models import Notification
from ..notify import anotify, notify

STREAM = "/api/notifications/stream/"


def test_who_is_notified_hears_it_as_the_page_shows_it(reader, ada, grace, django_capture_on_commit_callbacks):
    with StreamClient(reader).open(STREAM) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            notify(ada, "mentioned you", actor=grace, text="Fish & chips?")
        event = stream.assert_event("notification")
    assert "Fish &amp; chips?" in event.data["html"]
    assert event.data["html"].strip() in reader.get("/notifications/").text


def test_nobody_else_hears_it(reader, grace, django_capture_on_commit_callbacks):
    with StreamClient(reader).open(STREAM) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            notify(grace, "is for grace alone")
        stream.assert_no_event()


def test_a_transaction_that_is_rolled_back_tells_nobody(transactional_db, django_user_model, client):
    ada = django_user_model.objects.create_user("ada")
    client.force_login(ada)
    with StreamClient(client).open(STREAM) as stream:
        with transaction.atomic():
            notify(ada, "never happened")
            transaction.set_rollback(True)
        stream.assert_no_event()
        with transaction.atomic():
            notify(ada, "has happened")
            assert not stream.events
        assert "has happened" in stream.next().data["html"]
    assert [each.verb for each in ada.notifications.all()] == ["has happened"]


async def test_async_code_notifies_too(transactional_db, django_user_model):
    ada = await django_user_model.objects.acreate_user("ada")
    async with StreamClient().open(STREAM, user=ada) as stream:
        await anotify([ada], "from a coroutine")
        event = await stream.assert_event("notification")
    assert event.data["id"] == (await ada.notifications.aget()).pk


def test_many_are_notified_in_batches_each_once(
    ada, django_user_model, django_assert_max_num_queries, monkeypatch
):
    django_user_model.objects.bulk_create(django_user_model(username=f"user{n}") for n in range(1200))
    everybody = django_user_model.objects.order_by("pk")
    heard = []
    monkeypatch.setattr("apps.notifications.notify.publish", lambda *event: heard.append(event))
    with django_assert_max_num_queries(12):
        made = notify([*everybody, ada, ada], "an announcement")
    assert len(made) == len({each.recipient_id for each in made}) == Notification.objects.count() == 1201
    assert {(channel, data["id"]) for channel, name, data in heard} == {
        (f"notifications:{each.recipient_id}", each.pk) for each in made
    }


def test_a_queryset_of_nobody_notifies_nobody(db, django_user_model):
    assert notify(django_user_model.objects.none(), "into the void") == []


@pytest.mark.parametrize(
    "wrong", [{"url": "javascript:alert(1)"}, {"url": "//evil.example/"}, {"text": "x" * 1001}]
)
def test_what_cannot_be_shown_is_refused(ada, wrong):
    with pytest.raises(ValidationError):
        notify(ada, "something", **wrong)
    with pytest.raises(ValidationError):
        notify(ada, "x" * 201)
    assert not Notification.objects.exists()


def test_who_has_no_account_cannot_be_notified(db):
    with pytest.raises(ValueError, match="save the user first"):
        notify(AnonymousUser(), "something")
