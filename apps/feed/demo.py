"""Posts for `manage.py demo`."""

import random
from datetime import timedelta

from django.contrib.auth import get_user_model

from . import feed
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
    "A load test is running. Numbers may look odd for ten minutes.",
]


def demo_users() -> dict:
    """Return the demo users that exist, by name."""
    users = get_user_model()._default_manager.filter(username__in=["ada", "grace"])
    return {user.get_username(): user for user in users}


def seed() -> None:
    """Add the first posts, once."""
    if Post.objects.exists():
        return
    users = demo_users()
    seed_past([*users.values()])
    for name, text, *link in SEED:
        if name in users:
            feed.add(Post(author=users[name], text=text, link="".join(link)))


def seed_past(authors: list) -> None:
    """Add posts of the last two months, half of them of the last two days, for the dashboard."""
    ages = sorted((random.uniform(1, random.choice((48, 1440))) for _ in range(40 * len(authors))), reverse=True)
    posts = [Post(author=random.choice(authors), text=random.choice(NEWS)) for _ in ages]
    for post, hours in zip(Post.objects.bulk_create(posts), ages, strict=True):
        post.created_at -= timedelta(hours=hours)
    Post.objects.bulk_update(posts, ["created_at"])


def tick() -> None:
    """Add a post of one of the demo users."""
    if users := demo_users():
        feed.add(Post(author=random.choice(list(users.values())), text=random.choice(NEWS)))
