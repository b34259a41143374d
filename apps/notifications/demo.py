"""Demo data: what a few users could have been told, and one more thing that happens."""

import random
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from .models import Notification
from .notify import notify

USERS = ("ada", "grace", "admin")
# Hours ago, what, the rest of it, the page where it is, and whether it was read since.
STORIES = (
    (50, "recommends the guide", "It has a running example of each stream.", "guide", True),
    (27, "wrote a post", "Notes on compilers, third draft", "feed", True),
    (26, "asked you to look at the dashboard", "The response time doubled at ten.", "dashboard", True),
    (5, "asked you to import contacts", "The file is among your tasks.", "tasks", False),
    (2, "mentioned you in a post", "Could you look at this before the release?", "feed", False),
)
MOVES = (
    ("wrote a post", "Have a look when you find the time.", "feed"),
    ("asked you to look at the dashboard", "There are more open streams than yesterday.", "dashboard"),
    ("asked you to export your contacts", "We need them as CSV.", "tasks"),
    ("recommends the guide", "It explains how clients reconnect.", "guide"),
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
                url=_address(page),
                created_at=now - timedelta(hours=hours),
                read_at=now - timedelta(hours=hours - 1) if is_read else None,
            )
            for hours, verb, text, page, is_read in STORIES
        )


def move() -> None:
    """Let a demo user be told something by another one."""
    users = _users()
    if len(users) > 1:
        actor, recipient = random.sample(users, 2)
        verb, text, page = random.choice(MOVES)
        notify(recipient, verb, actor=actor, text=text, url=_address(page))


def _address(name: str) -> str:
    """Return the address of a page of the site, or none if that app was removed."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _users() -> list:
    User = get_user_model()
    return list(User._default_manager.filter(**{f"{User.USERNAME_FIELD}__in": USERS}).order_by("pk"))
