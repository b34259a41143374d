"""Demo data for `make run`: what a demo user tells the others."""

import random
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from .notify import notify

USERS = ("ada", "grace", "admin")
# What, the rest of it, and the page where it is.
STORIES = (
    ("recommends the guide", "It has a running example of each stream.", "guide"),
    ("asked you to look at the dashboard", "The response time doubled at ten.", "dashboard"),
    ("asked you to import contacts", "The file is among your tasks.", "tasks"),
    ("mentioned you in a post", "Could you look at this before the release?", "feed"),
)


def seed() -> None:
    """Tell each demo user without notifications the same few; the older ones are read."""
    for user in _users():
        if user.notifications.exists():
            continue
        for hours, story in zip((50, 26, 5, 2), STORIES, strict=True):
            at = timezone.now() - timedelta(hours=hours)
            made = _tell(user, story)
            user.notifications.filter(pk=made.pk).update(created_at=at, read_at=at if hours > 24 else None)


def move() -> None:
    """Tell one of the demo users something."""
    if users := _users():
        _tell(random.choice(users), random.choice(STORIES))


def _tell(user, story):
    verb, text, page = story
    try:
        url = reverse(page)
    except NoReverseMatch:  # that app was removed
        url = ""
    actor = random.choice([each for each in _users() if each != user] or [None])
    return notify(user, verb, actor=actor, text=text, url=url)[0]


def _users() -> list:
    User = get_user_model()
    return list(User._default_manager.filter(**{f"{User.USERNAME_FIELD}__in": USERS}).order_by("pk"))
