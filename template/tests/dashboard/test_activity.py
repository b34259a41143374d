"""The page Activity: its values, declarations, rows, permissions and file."""

import csv
import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection, models, transaction
from django.db.models import Count, F, Max, Sum
from django.test.utils import isolate_apps
from django.utils import timezone

from apps.accounts.models import User
from apps.dashboard.figures import Figure, check_figures
from apps.dashboard.models import Rollup
from apps.dashboard.tests.test_activity import PAGE, SIGN_UPS, STREAM, card_of, refresh, sign_up
from apps.sse import metrics
from apps.sse.testing import Refused, StreamClient
from template.tests.test_readme import README, code_with


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
def test_a_rollback_announces_nothing(ada, show):
    show(SIGN_UPS)
    with StreamClient().open(STREAM) as stream:
        stream.next()
        with transaction.atomic():
            ada.delete()
            transaction.set_rollback(True)
        stream.assert_no_event()


@pytest.mark.django_db(transaction=True)
def test_only_an_update_that_may_change_a_number_is_announced(ada, client, show):
    show(SIGN_UPS)
    before = metrics.counts["published"]
    client.force_login(ada)
    User.objects.filter(pk=ada.pk).update(last_name="Lovelace")
    assert metrics.counts["published"] == before
    User.objects.filter(pk=ada.pk).update(date_joined=timezone.now())
    assert metrics.counts["published"] == before + 1


@pytest.mark.django_db
def test_an_unknown_range_is_refused_without_a_traceback(client, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("django"), "propagate", True)
    for path in (PAGE, "/dashboard/system/", "/dashboard/activity.csv", STREAM, "/api/dashboard/stream/"):
        assert client.get(path, {"range": "year"}).status_code == 400
    assert len(caplog.records) >= 5
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_wrong_declaration_is_found_before_the_site_starts(show):
    show(
        SIGN_UPS,
        Figure("Sign-ups", User.objects, at="date_joined"),
        Figure("Joined", User.objects, at="joined"),
        Figure("Names", User.objects, at="username"),
        Figure("Logins", User.objects, at="last_login"),
        Figure("Members", User.objects.filter(groups__name="x").distinct(), at="date_joined"),
        Figure("Groups", User.objects.annotate(number=Count("groups")), at="date_joined"),
    )
    found = check_figures(None)
    ids = ["E001", "E002", "E002", "W001", "E003", "E003"]
    assert [message.id for message in found] == [f"dashboard.{each}" for each in ids]
    assert str(found[1]).startswith(
        "The figure 'Joined' of apps.shop: (dashboard.E002) "
        "`at` is 'joined', which is not a DateTimeField of accounts.User.\n\tHINT: Set `at` to a DateTimeField of"
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ({"value": Sum("totl")}, "FieldError: Cannot resolve keyword 'totl' into field. Choices are: "),
        ({"value": "id"}, "`value` is 'id', which is not an aggregate."),
        ({"value": F("id")}, "`value` is F(id), which is not an aggregate."),
        ({"value": F("id") + 1}, "which is not an aggregate."),
        ({"value": Sum}, "`value` is <class 'django.db.models.aggregates.Sum'>, which fails."),
        ({"value": Sum("date_joined")}, "`value` is Sum(F(date_joined)), a DateTimeField and not a number."),
        ({"value": Max("username")}, "`value` is Max(F(username)), a CharField and not a number."),
        ({"rows": User}, "`rows` is <class 'apps.accounts.models.User'>, neither a manager nor a query set."),
        ({"rows": User.objects.filter(pk__in=[])}, "EmptyResultSet"),
    ],
)
def test_a_wrong_figure_is_named_and_left_out(client, show, declared, text):
    show(SIGN_UPS, Figure(**{"label": "Wrong", "rows": User.objects, "at": "date_joined"} | declared))
    [message] = check_figures(None)
    assert str(message).startswith("The figure 'Wrong' of apps.shop: (dashboard.E00")
    assert text in message.msg
    assert message.hint
    sign_up("new")
    refresh()
    assert "<b>1</b>" in card_of(client.get(PAGE))


@pytest.mark.parametrize(
    "value", [Sum("id", default=0), Sum("id") / Count("*"), Count("groups", distinct=True), models.Avg("id")]
)
def test_a_value_may_be_any_aggregate_of_numbers(show, value):
    show(Figure("Right", User.objects, at="date_joined", value=value))
    assert check_figures(None) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("figures", "text"),
    [
        (lambda figure: [figure("Sign-ups", User.objects)], "missing 1 required positional argument: 'at'"),
        (lambda figure: None, "TypeError: 'NoneType' object is not iterable"),
        (lambda figure: figure("Sign-ups", User.objects, at="date_joined"), "'Figure' object is not iterable"),
        (lambda figure: [User], "It returns <class 'apps.accounts.models.User'>."),
        (lambda figure: [figure("Names", apps.get_model("accounts.Usr"), at="x")], "LookupError"),
    ],
)
def test_figures_that_fail_are_named_and_all_pages_work(admin_client, show, monkeypatch, caplog, figures, text):
    show()
    monkeypatch.undo()
    monkeypatch.setattr(apps.get_app_config("accounts"), "figures", figures)
    [message] = check_figures(None)
    assert str(message).startswith("figures() of apps.accounts: (dashboard.E004) ")
    assert text in message.msg
    sign_up("new")
    assert admin_client.get("/").status_code == 200
    page = admin_client.get(PAGE)
    assert "accounts-sign-ups" not in page.text
    assert page.status_code == 200
    assert text in caplog.text


def test_a_permission_that_no_model_has_is_a_warning(show):
    right = ["accounts.view_user", "dashboard.view_activity"]
    wrong = ["view_user", "shop.view_order", ["accounts.view_user"]]
    show(
        *[Figure(f"{n}", User.objects, at="date_joined", permission=each) for n, each in enumerate(right + wrong)]
    )
    found = check_figures(None)
    assert [message.id for message in found] == ["dashboard.W002"] * 3
    assert "`permission` is 'view_user', which no model has" in found[0].msg
    assert "'accounts.view_user'" in found[0].hint


@pytest.mark.django_db
@isolate_apps("apps.dashboard")
def test_a_figure_appears_when_its_table_is_migrated(client, show, caplog):
    class Line(models.Model):  # noqa: DJ008
        at = models.DateTimeField()

        class Meta:
            app_label = "dashboard"

    show(SIGN_UPS, Figure("Lines", Line.objects, at="at"))
    steps = "CREATE TABLE dashboard_line (id bigint)", "ALTER TABLE dashboard_line ADD at timestamp with time zone"
    for step in steps:
        refresh()
        page = client.get(PAGE)
        assert ('id="accounts-sign-ups"' in page.text, "Lines" in page.text) == (True, False)
        assert (
            "The figure 'Lines' is left out until its table is there. Run: python manage.py migrate" in caplog.text
        )
        caplog.clear()
        with connection.cursor() as cursor:
            cursor.execute(step)
    assert 'id="dashboard-lines"' in client.get(PAGE).text
    assert not caplog.text


@pytest.mark.django_db
def test_there_may_be_hundreds_of_figures(client, show):
    show(*[Figure(f"Figure {number}", User.objects, at="date_joined") for number in range(200)])
    assert client.get(PAGE).text.count('class="card figure"') == 200


@pytest.mark.django_db
def test_none_before_means_that_no_bar_is_there(client, show):
    show(SIGN_UPS)
    sign_up("new", hours=3)
    assert "None in" not in card_of(client.get(PAGE)), "nothing is known yet"
    refresh()
    assert "None in the 24 hours before" in card_of(client.get(PAGE))
    sign_up("earlier", hours=24)
    refresh()
    assert "None in" not in card_of(client.get(PAGE)), "there is a bar beside the present hour"


@isolate_apps("apps.dashboard")
def test_an_update_may_change_a_generated_column():
    class Line(models.Model):  # noqa: DJ008
        at = models.DateTimeField()
        amount = models.IntegerField()
        double = models.GeneratedField(
            expression=models.F("amount") * 2, output_field=models.IntegerField(), db_persist=True
        )

        class Meta:
            app_label = "dashboard"

    assert "amount" in Figure("Doubles", Line.objects, at="at", value=Sum("double")).columns


def test_values_are_stored_per_definition_of_a_figure():
    others = [
        Figure("Sign-ups", User.objects.filter(is_active=True), at="date_joined"),
        Figure("Sign-ups", User.objects, at="last_login"),
    ]
    assert len({each.stored_as for each in (SIGN_UPS, *others)}) == 3
    assert len({each.key for each in (SIGN_UPS, *others)}) == 1
    assert len(SIGN_UPS.stored_as) <= Rollup._meta.get_field("figure").max_length


def test_the_readmes_figures_are_valid():
    names = {}
    exec(code_with("class ShopConfig", README), names)
    app = SimpleNamespace(get_model=lambda name: User)
    orders, revenue = names["ShopConfig"].figures(app, Figure)
    assert (orders.label, orders.at, orders.value) == ("Orders", "created_at", None)
    assert (revenue.label, revenue.at, repr(revenue.value)) == ("Revenue", "created_at", "Sum(F(total))")


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
