"""What happens to a user's notifications: it is saved, and told to all pages of that user, or neither."""

from itertools import batched

from django.db import transaction
from django.utils import timezone

from apps.sse import publish

from .models import Notification

BATCH = 1000


def channel(user_pk) -> str:
    """Return the channel of all that happens to the notifications of a user, whom alone it is for."""
    return f"notifications:{user_pk}"


def mark_read(user, notifications, at=None) -> list[dict]:
    """Mark some of the user's notifications read, and return the changes, as its pages are told them."""
    return _change(user, notifications, read_at=at or timezone.now())


def mark_unread(user, notifications) -> list[dict]:
    """Do the opposite of `mark_read`."""
    return _change(user, notifications, read_at=None)


def delete(user, notifications) -> list[dict]:
    """Delete some of the user's notifications, and return the changes; for a day they can be restored."""
    return _change(user, notifications, deleted_at=timezone.now())


def restore(user, notifications) -> list[dict]:
    """Do the opposite of `delete`."""
    return _change(user, notifications, deleted_at=None)


@transaction.atomic
def forget(user, notifications) -> None:
    """Delete some of the user's notifications permanently and remove them from the open pages."""
    delete(user, notifications.present())
    notifications.delete()


@transaction.atomic
def _change(user, notifications, **state) -> list[dict]:
    # Locked first, so that the pages are told of changes to one row in the order in which they were made.
    pks = notifications.select_for_update().order_by("pk").values_list("pk", flat=True)
    return [_change_batch(user, some, state) for some in batched([*pks], BATCH)]


def _change_batch(user, pks, state) -> dict:
    rows = Notification.objects.filter(pk__in=pks).order_by("pk")
    rows.update(**state)
    change = {
        "ids": [*pks],
        "unread": [*rows.unread().values_list("pk", flat=True)],
        "deleted": [*rows.exclude(deleted_at=None).values_list("pk", flat=True)],
    }
    publish(channel(user.pk), "notification-state", change)
    return change
