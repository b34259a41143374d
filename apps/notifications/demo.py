"""Demo data for `make run`: what demo users tell each other."""

import random

from django.contrib.auth import get_user_model

from .notify import notify

USERS = ("ada", "grace", "admin")
STORIES = (
    ("recommends the guide", "It has a running example of each stream."),
    ("asked you to look at the dashboard", "The response time doubled at ten."),
    ("mentioned you in a post", "Could you look at this before the release?"),
)


def seed() -> None:
    """Tell each demo user without notifications all of it; the first is read."""
    for user in _users():
        if not user.notifications.exists():
            first, *_ = [_tell(user, *story) for story in STORIES]
            user.notifications.filter(pk=first.pk).update(read_at=first.created_at)


def tick() -> None:
    """Tell one of the demo users something."""
    if users := _users():
        _tell(random.choice(users), *random.choice(STORIES))


def _tell(user, verb, text):
    others = [each for each in _users() if each != user]
    return notify(user, verb, actor=random.choice(others or [None]), text=text, url="/")[0]


def _users() -> list:
    return list(get_user_model()._default_manager.filter(username__in=USERS))
