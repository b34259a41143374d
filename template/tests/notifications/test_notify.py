"""Notifications for many users, for no user, and for a visitor without an account."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError

from apps.notifications.models import Notification
from apps.notifications.notify import notify


def test_many_users_are_notified_in_batches_once_each(
    ada, django_user_model, django_assert_max_num_queries, monkeypatch
):
    django_user_model.objects.bulk_create(django_user_model(username=f"user{n}") for n in range(1200))
    everybody = django_user_model.objects.order_by("pk")
    published = []
    monkeypatch.setattr("apps.notifications.notify.publish", lambda *event: published.append(event))
    with django_assert_max_num_queries(12):
        created = notify([*everybody, ada, ada], "an announcement")
    assert len(created) == len({each.recipient_id for each in created}) == Notification.objects.count() == 1201
    assert {(channel, data["id"]) for channel, name, data in published} == {
        (f"notifications:{each.recipient_id}", each.pk) for each in created
    }


def test_an_empty_queryset_notifies_no_user(db, django_user_model):
    assert notify(django_user_model.objects.none(), "into the void") == []


def test_a_title_that_is_too_long_is_refused(ada):
    with pytest.raises(ValidationError):
        notify(ada, "x" * 201)


def test_a_visitor_without_an_account_cannot_be_notified(db):
    with pytest.raises(ValueError, match="save the user first"):
        notify(AnonymousUser(), "something")
