"""The page Activity: its figures, who sees them, and their changes while it is open."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.dashboard.figures import Figure
from apps.dashboard.rollups import roll_up
from apps.sse.testing import StreamClient

PAGE, STREAM = "/dashboard/", "/api/dashboard/activity/stream/"
SIGN_UPS = Figure("Sign-ups", User.objects, at="date_joined")


def sign_up(name, **ago):
    return User.objects.create_user(name, date_joined=timezone.now() - timedelta(**ago))


def card_of(page, key="accounts-sign-ups"):
    """Return the HTML of a card."""
    return page.text.partition(f'<div id="{key}">')[2].partition("<table")[0]


def refresh():
    """Compute what a task worker computes every five minutes."""
    roll_up.call()


@pytest.mark.django_db
def test_a_range_has_its_sum_and_the_difference_from_the_one_before(client, show):
    show(SIGN_UPS)
    for days in (2, 3, 3, 9):
        sign_up(f"user {User.objects.count()}", days=days)
    refresh()
    sign_up("new")
    card = card_of(client.get(PAGE, {"range": "week"}))
    assert "<b>4</b>" in card
    assert "+200 % compared with the 7 days before" in card
    assert "<b>1</b>" in card_of(client.get(PAGE))


@pytest.mark.django_db
def test_a_group_with_the_permission_may_view_one_page(client, ada, settings):
    settings.DASHBOARD_PUBLIC = False
    client.force_login(ada)
    assert client.get(PAGE).status_code == client.get(STREAM).status_code == 403
    group = Group.objects.create(name="Managers")
    group.user_set.add(ada)
    group.permissions.add(Permission.objects.get(codename="view_activity"))
    page = client.get(PAGE)
    assert page.status_code == 200
    assert "/dashboard/system/" not in page.text
    assert client.get("/dashboard/system/").status_code == client.head("/api/dashboard/stream/").status_code == 403
    group.permissions.set([Permission.objects.get(codename="view_system")])
    assert client.get(PAGE).url == "/dashboard/system/"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "write",
    [
        lambda: User.objects.create(username="saved"),
        transaction.atomic(lambda: User.objects.bulk_create([User(username="in bulk")])),
        lambda: User.objects.filter(username="ada").delete(),
        lambda: User.objects.update(date_joined=timezone.now() - timedelta(days=4)),
    ],
    ids=["save", "bulk_create", "delete", "update"],
)
def test_any_statement_changes_the_open_page(ada, show, write):
    show(SIGN_UPS)
    with StreamClient().open(STREAM) as stream:
        assert "<b>1</b>" in stream.next().data["html"]
        write()
        assert "<b>1</b>" not in stream.next().data["html"]
