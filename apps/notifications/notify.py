"""Telling users something: `notify(user, "has answered you", actor=me, url=…)`, from any code of any process."""

from collections.abc import Iterable, Iterator
from itertools import batched

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import models, transaction
from django.template.loader import get_template
from django.utils import translation

from apps.sse import publish

from .inbox import channel
from .models import Notification

BATCH = 500


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
    message = Notification(verb=verb, actor=actor, text=text, url=url)
    message.clean_fields(exclude=["recipient", "actor"])
    made = []
    for some in batched(_each_once(users), BATCH):
        rows = [Notification(recipient=user, actor=actor, verb=verb, text=text, url=url) for user in some]
        made += _tell(Notification.objects.bulk_create(rows))
    return made


async def anotify(users, verb: str, *, actor=None, text: str = "", url: str = "") -> list[Notification]:
    """Like `notify`, for async code."""
    return await sync_to_async(notify)(users, verb, actor=actor, text=text, url=url)


def _each_once(users) -> Iterator:
    users = [users] if isinstance(users, models.Model) or not isinstance(users, Iterable) else users
    seen = set()
    for user in users:
        if user.pk is None:
            raise ValueError(f"{user!r} cannot be notified: save the user first.")
        if user.pk not in seen:
            seen.add(user.pk)
            yield user


def _tell(notifications: list[Notification]) -> list[Notification]:
    template = get_template("notifications/_notification.html")
    # Who reads it is not who is active here, so it is in the site's language.
    with translation.override(settings.LANGUAGE_CODE):
        for each in notifications:
            html = template.render({"notification": each})
            publish(channel(each.recipient_id), "notification", {"id": each.pk, "html": html})
    return notifications
