"""Notifications between the demo users."""

import random
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse

from .notify import notify

USERS = ("ada", "grace", "admin")
EXAMPLES = (
    ("recommends the guide", "It has a running example of each stream.", "guide"),
    ("asked you to look at the dashboard", "The response time doubled at ten.", "dashboard"),
    ("mentioned you in a post", "Could you look at this before the release?", "feed"),
)


def seed() -> None:
    """Create all examples for each demo user without notifications; the first one is read."""
    for number, user in enumerate(_users(), 1):
        if not user.notifications.exists():
            first, *_ = [_notify(user, *example) for example in EXAMPLES]
            past = first.created_at - timedelta(hours=13 * number)
            user.notifications.filter(pk=first.pk).update(created_at=past, read_at=past)


def tick() -> None:
    """Notify one of the demo users."""
    if users := _users():
        _notify(random.choice(users), *random.choice(EXAMPLES))


def _notify(user, verb, text, page):
    """Notify a user, with a link to the page if its app is installed."""
    others = [each for each in _users() if each != user]
    try:
        url = reverse(page)
    except NoReverseMatch:
        url = ""
    return notify(user, verb, actor=random.choice(others or [None]), text=text, url=url)[0]


def _users() -> list:
    return list(get_user_model()._default_manager.filter(username__in=USERS))
