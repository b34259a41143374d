"""Notifications are saved and published in one transaction: `notify(user, "answered you", url=…)`."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import batched

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import models, transaction
from django.template.loader import get_template
from django.utils import timezone, translation

from apps.sse import publish

from .models import UNREAD, Notification

BATCH = 500
MAX_AGE = timedelta(days=90)
RESTORABLE = timedelta(days=1)


def channel(user_pk) -> str:
    """Return the user's private channel."""
    return f"notifications:{user_pk}"


@transaction.atomic
def notify(users, verb: str, *, actor=None, text: str = "", url: str = "") -> list[Notification]:
    """
    Notify a user, or each of several users, and return the notifications.

    They are saved and appear on every open page of these users: immediately, or at the commit of the
    transaction. Pages show "`actor` `verb`", or `verb` alone, with `text`, and link to `url`, a path or
    an http(s) URL.

    Raises `ValidationError` for text that is too long and for an invalid `url`; `ValueError` for a user
    who is not saved.
    """
    fields = {"verb": verb, "actor": actor, "text": text, "url": url}
    Notification(**fields).clean_fields(exclude=["recipient", "actor"])
    created = []
    for batch in batched(_unique(users), BATCH):
        created += Notification.objects.bulk_create(Notification(recipient=user, **fields) for user in batch)
    _publish_new(created)
    return created


async def anotify(users, verb: str, *, actor=None, text: str = "", url: str = "") -> list[Notification]:
    """Like `notify`, for async code."""
    return await sync_to_async(notify)(users, verb, actor=actor, text=text, url=url)


@transaction.atomic
def change(user, notifications, **state) -> list[dict]:
    """Set `read_at` or `deleted_at` of some of the user's notifications, and return the changes as published."""
    # Lock first, so that changes to one row are published in order.
    pks = notifications.select_for_update().order_by("pk").values_list("pk", flat=True)
    changes = [_change_batch(user, batch, state) for batch in batched([*pks], BATCH)]
    if None in state.values():
        # A page that was opened without these notifications must load them.
        publish(channel(user.pk), "notifications-changed", None)
    return changes


def prune() -> int:
    """Delete notifications older than `MAX_AGE`, or deleted for longer than `RESTORABLE`; return the number."""
    now = timezone.now()
    is_expired = models.Q(created_at__lt=now - MAX_AGE) | models.Q(deleted_at__lt=now - RESTORABLE)
    expired = Notification.objects.filter(is_expired)
    pruned = 0
    for user_pk in expired.order_by("recipient").values_list("recipient", flat=True).distinct():
        with transaction.atomic():
            pruned += expired.filter(recipient=user_pk).delete()[0]
            publish(channel(user_pk), "notifications-changed", None)
    return pruned


def _unique(users) -> Iterator:
    users = [users] if isinstance(users, models.Model) or not isinstance(users, Iterable) else users
    seen = set()
    for user in users:
        if user.pk is None:
            raise ValueError(f"{user!r} cannot be notified: save the user first.")
        if user.pk not in seen:
            seen.add(user.pk)
            yield user


def _publish_new(notifications: list[Notification]) -> None:
    template = get_template("notifications/notifications.html#notification")
    # Sender and reader may use different languages, so the site's language is used.
    with translation.override(settings.LANGUAGE_CODE):
        for notification in notifications:
            html = template.render({"notification": notification})
            data = {"id": notification.pk, "html": html}
            publish(channel(notification.recipient_id), "notification", data)


def _change_batch(user, pks, state) -> dict:
    rows = Notification.objects.filter(pk__in=pks).order_by("pk")
    rows.update(**state)
    changed = {
        "ids": [*pks],
        "unread": [*rows.filter(UNREAD).values_list("pk", flat=True)],
        "deleted": [*rows.exclude(deleted_at=None).values_list("pk", flat=True)],
    }
    publish(channel(user.pk), "notification-state", changed)
    return changed
