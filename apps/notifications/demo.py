"""Demo data: what a few users could have been told, and one more thing that happens."""

import random
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from .models import Notification
from .notify import notify

USERS = ("ada", "grace", "admin")
# Hours ago, what, the rest of it, and whether it was read since.
STORIES = (
    (50, "invited you to Analytical Engines", "The first meeting is on Thursday at ten.", True),
    (27, "shared a document with you", "Notes on compilers, third draft", True),
    (26, "commented on your document", "Section 4 is much clearer now. One question about the table.", True),
    (5, "assigned you a task", "Check the figures of the last quarter", False),
    (2, "mentioned you", "Could you look at this before the release?", False),
)
MOVES = (
    ("mentioned you", "Have a look when you find the time."),
    ("commented on your document", "I would swap the first two paragraphs."),
    ("assigned you a task", "Review the new importer"),
    ("finished a task that you follow", "The nightly export is back to four minutes."),
)


def seed() -> None:
    """Give each demo user that there is, and that has no notifications, the same few."""
    users = _users()
    now = timezone.now()
    for user, actor in zip(users, users[1:] + users[:1], strict=True):
        if user == actor or user.notifications.exists():
            continue
        Notification.objects.bulk_create(
            Notification(
                recipient=user,
                actor=actor,
                verb=verb,
                text=text,
                url="/notifications/",
                created_at=now - timedelta(hours=hours),
                read_at=now - timedelta(hours=hours - 1) if is_read else None,
            )
            for hours, verb, text, is_read in STORIES
        )


def move() -> None:
    """Let a demo user be told something by another one."""
    users = _users()
    if len(users) > 1:
        actor, recipient = random.sample(users, 2)
        verb, text = random.choice(MOVES)
        notify(recipient, verb, actor=actor, text=text, url="/notifications/")


def _users() -> list:
    User = get_user_model()
    return list(User._default_manager.filter(**{f"{User.USERNAME_FIELD}__in": USERS}).order_by("pk"))
