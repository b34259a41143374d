"""Believable posts for a site that is tried out."""

import random

from django.contrib.auth import get_user_model

from . import feed
from .forms import PostForm
from .models import Post

SEED = [
    ("ada", "The price list is imported: 84,112 rows, 9 of them with a wrong currency."),
    ("grace", "New release notes are online.", "https://www.djangoproject.com/weblog/"),
    ("ada", "Last night's backup is verified. A restore takes four minutes."),
    ("grace", "Does anybody still need the old staging machine? I would switch it off on Friday."),
    ("ada", "Friday is fine. I have moved everything to the new one."),
]
NEWS = [
    "The search index is rebuilt.",
    "Support has answered the last ticket of this week.",
    "The coffee machine on the second floor works again.",
    "The certificate was renewed, nothing to do.",
    "A load test is running. Numbers may look odd for ten minutes.",
    "Everything is green again after the network maintenance.",
]


def seed() -> None:
    """Post what a new feed begins with, once, for those of the demo users that there are."""
    if Post.objects.exists():
        return
    users = {
        user.get_username(): user
        for user in get_user_model()._default_manager.filter(username__in=["ada", "grace"])
    }
    for name, text, *link in SEED:
        if name in users:
            _post(users[name], text, *link)


def move() -> None:
    """Let one of the demo users post something."""
    user = get_user_model()._default_manager.filter(username__in=["ada", "grace"]).order_by("?").first()
    if user:
        _post(user, random.choice(NEWS))


def _post(user, text: str, link: str = "") -> None:
    form = PostForm({"text": text, "link": link})
    form.is_valid()
    feed.add(form, user)
