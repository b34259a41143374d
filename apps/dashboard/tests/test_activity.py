"""The page Activity: its figures, who sees them, and their changes while it is open."""

import csv
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import checks
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone
from playwright.sync_api import expect

from apps.accounts.models import User
from apps.dashboard import figures
from apps.dashboard.figures import Figure, check_figures
from apps.dashboard.models import Rollup
from apps.dashboard.rollups import roll_up
from apps.sse.testing import Refused, StreamClient
from tests import servers

PAGE, STREAM = "/dashboard/", "/api/dashboard/activity/stream/"
SIGN_UPS = Figure("Sign-ups", User.objects, at="date_joined")


@pytest.fixture
def show(monkeypatch):
    """Show these figures only: `show(Figure(…))`."""

    def declare(*declared):
        monkeypatch.setattr(figures, "declared", lambda: [*declared])
        figures.all_figures.cache_clear()
        figures.by_table.cache_clear()

    yield declare
    monkeypatch.undo()
    figures.all_figures.cache_clear()
    figures.by_table.cache_clear()


def sign_up(name, **ago):
    return User.objects.create_user(name, date_joined=timezone.now() - timedelta(**ago))


def card_of(page, key="accounts-sign-ups"):
    """Return the HTML of a card."""
    return page.text.partition(f'<div id="{key}">')[2].partition("<table")[0]


def refresh():
    """Compute what a task worker computes once a minute."""
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
def test_a_value_may_be_a_sum_or_a_distinct_count_of_the_present_day(client, show):
    total = Figure("Numbers", User.objects, at="date_joined", value=Sum("id"), unit="€", digits=2)
    names = Figure("Names", User.objects, at="date_joined", value=Count("last_name", distinct=True))
    show(total, names)
    for _ in range(3):
        refresh()
        sign_up(f"user {User.objects.count()}", days=1)
    sign_up("new")
    refresh()
    page = client.get(PAGE, {"range": "month"})
    numbers = sum(User.objects.values_list("pk", flat=True))
    assert f"<b>{numbers}.00</b>" in card_of(page, "accounts-numbers")
    assert "<b>1</b>" in card_of(page, "accounts-names")
    assert "today" in card_of(page, "accounts-names").partition("stat-note")[0]


@pytest.mark.django_db
def test_late_changed_and_deleted_rows_count_after_the_next_task(client, show):
    show(SIGN_UPS)
    users = [sign_up(f"user {number}", days=3) for number in range(3)]
    refresh()
    users[0].delete()
    User.objects.filter(pk=users[1].pk).update(date_joined=timezone.now() - timedelta(days=4))
    refresh()
    page = client.get(PAGE, {"range": "week"})
    assert "<b>2</b>" in card_of(page)
    assert page.text.count('<td class="num">1</td>') == 2


@pytest.mark.django_db
def test_an_empty_figure_announces_its_first_row(client, show):
    show(SIGN_UPS)
    assert "New ones appear here at once." in card_of(client.get(PAGE))
    show()
    assert "No figures yet." in client.get(PAGE).text


@pytest.mark.django_db
def test_the_csv_file_has_the_hours_of_both_ranges(client, show):
    show(SIGN_UPS)
    sign_up("new")
    lines = list(csv.reader(client.get("/dashboard/activity.csv").text.splitlines()))
    assert lines[0] == ["Start", "Sign-ups"]
    assert len(lines) == 49
    assert lines[-1] == [timezone.localtime().strftime("%Y-%m-%dT%H:00:00+00:00"), "1"]


@pytest.mark.django_db
def test_an_unknown_range_is_refused_without_a_traceback(client, caplog):
    for path in (PAGE, "/dashboard/system/", "/dashboard/activity.csv", STREAM, "/api/dashboard/stream/"):
        assert client.get(path, {"range": "year"}).status_code == 400
    assert [record.exc_info for record in caplog.records if record.exc_info] == []


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


@pytest.mark.django_db
def test_a_figure_with_a_permission_and_the_newest_rows_need_it(client, ada, admin_client, show):
    show(SIGN_UPS, Figure("Secret", User.objects, at="date_joined", permission="accounts.delete_user"))
    assert "accounts-secret" not in client.get(PAGE).text
    assert 'id="accounts-sign-ups-newest"' not in client.get(PAGE).text
    page = admin_client.get(PAGE).text
    assert 'id="accounts-secret"' in page
    assert "<span>ada</span>" in page
    with StreamClient().open(STREAM) as stream:
        assert stream.assert_event("html").data["target"] == "#accounts-sign-ups"
        stream.assert_no_event()


@pytest.mark.django_db(transaction=True)
def test_a_stream_ends_when_its_permission_is_withdrawn(ada, settings):
    settings.DASHBOARD_PUBLIC = False
    ada.user_permissions.add(Permission.objects.get(codename="view_activity"))
    with StreamClient().open(STREAM, user=ada) as stream:
        stream.next()
        ada.user_permissions.clear()
        stream.rest()
    with pytest.raises(Refused, match="403"):
        StreamClient().open(STREAM, user=User.objects.get()).__enter__()


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


@pytest.mark.django_db(transaction=True)
def test_a_rollback_announces_nothing(ada, show):
    show(SIGN_UPS)
    with StreamClient().open(STREAM) as stream:
        stream.next()
        with transaction.atomic():
            ada.delete()
            transaction.set_rollback(True)
        stream.assert_no_event()


def test_a_wrong_declaration_is_found_before_the_site_starts(show):
    show(
        SIGN_UPS,
        SIGN_UPS,
        Figure("Joined", User.objects, at="joined"),
        Figure("Names", User.objects, at="username"),
        Figure("Logins", User.objects, at="last_login"),
    )
    found = check_figures(None)
    assert [message.id for message in found] == ["dashboard.E001"] * 2 + ["dashboard.W001"] + [
        "dashboard.E002"
    ] * 2
    assert "last_login has no index" in found[2].msg
    assert isinstance(found[2], checks.Warning)


def test_values_are_stored_per_definition_of_a_figure():
    others = [
        Figure("Sign-ups", User.objects.filter(is_active=True), at="date_joined"),
        Figure("Sign-ups", User.objects, at="last_login"),
    ]
    assert len({each.stored_as for each in (SIGN_UPS, *others)}) == 3
    assert len({each.key for each in (SIGN_UPS, *others)}) == 1
    assert len(SIGN_UPS.stored_as) <= Rollup._meta.get_field("figure").max_length


def test_an_open_page_shows_a_change_within_a_second_and_keeps_its_table_open(site, staff):
    staff.problems.clear()
    staff.goto(PAGE)
    card = staff.locator("#accounts-sign-ups")
    card.get_by_text("Show as table").click()
    staff.locator("section", has=card).get_by_text("Newest").click()
    number = int(card.locator("b").inner_text())
    staff.wait_for_function("() => document.querySelector('#live[data-state=connected]')")
    code = "from apps.accounts.models import User; User.objects.create(username='Hopper')"
    servers.manage("shell", "-c", code, environment=site.environment)
    expect(card.locator("b")).to_have_text(str(number + 1), timeout=1000)
    expect(card.locator("tbody td").first).to_have_text(str(number + 1))
    expect(staff.locator("#accounts-sign-ups-newest li").first).to_contain_text("Hopper")
    expect(card.locator("table")).to_be_visible()
    assert staff.problems == []
