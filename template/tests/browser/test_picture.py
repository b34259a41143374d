"""
The pictures in the README: two days of a busy site on the page Activity, light and dark.

`PICTURES=docs .venv/bin/python -m pytest -n0 -m soak FILE` writes them; the last quarter of an hour looks best.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import servers
from tests.browser import people

BUSY_DAYS = """
import math, random
from datetime import timedelta
from django.utils import timezone
from apps.accounts.models import User
from apps.dashboard.rollups import roll_up
from apps.feed.models import Post
from apps.notifications.models import Notification
from apps.tasks.models import Task

random.seed(5)
now = timezone.now()

def moments(number):
    "Return moments of the last two days, fewer of them at night and on the first day."
    hours = [hour / 60 for hour in range(60 * 48)]
    weights = [(2.1 + 1.9 * math.cos((hour - 3) / 12 * math.pi)) * (1.25 if hour < 24 else 1) for hour in hours]
    return [now - timedelta(hours=hour) for hour in random.choices(hours, weights, k=number)]

User.objects.exclude(username="ada").update(date_joined=now - timedelta(days=9))
users = User.objects.bulk_create(User(username=f"person{n}", date_joined=at) for n, at in enumerate(moments(420)))
ada = User.objects.get(username="ada")
rows = {
    Post: [Post(author=random.choice(users), text="Hello", created_at=at) for at in moments(1400)],
    Notification: [Notification(recipient=ada, verb="wrote", read_at=at) for at in moments(900)],
    Task: [
        Task(owner=ada, state=random.choice(["done"] * 9 + ["failed"]), rows=random.randint(200, 900), created_at=at)
        for at in moments(320)
    ],
}
for model, made in rows.items():
    times = [each.created_at for each in made]
    for each, at in zip(model.objects.bulk_create(made), times, strict=True):
        model.objects.filter(pk=each.pk).update(created_at=at)
roll_up.call()
"""


@pytest.mark.soak
def test_the_readmes_pictures_show_a_busy_site(serve, browser, tmp_path):
    folder = Path(os.environ.get("PICTURES", tmp_path))
    with serve("uvicorn") as server:
        servers.manage("shell", "--no-imports", "-c", BUSY_DAYS, environment=server.environment)
        for theme in ("light", "dark"):
            size = {"width": 1280, "height": 916}
            with browser.new_context(
                base_url=server.url, color_scheme=theme, viewport=size, locale="en-GB"
            ) as context:
                page = context.new_page()
                people.log_in(page, "ada")
                page.goto("/dashboard/")
                page.reload()  # without the message of the login
                expect(page.locator("#live")).to_contain_text("Live")
                page.mouse.move(0, 0)
                page.screenshot(path=folder / f"dashboard-{theme}.png")
            assert (folder / f"dashboard-{theme}.png").stat().st_size > 30_000
