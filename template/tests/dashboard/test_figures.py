"""The figures of the page Activity: where clocks change, with many rows, and with many viewers."""

import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.timezone import override

from apps.accounts.models import User
from apps.dashboard import activity, rollups
from apps.dashboard.figures import all_figures
from apps.dashboard.models import Rollup
from apps.dashboard.rollups import DAY, HOUR, edges, measure, roll_up, schedule, totals
from apps.dashboard.tests.test_activity import PAGE, SIGN_UPS, STREAM
from apps.feed.models import Post
from apps.sse import metrics
from apps.sse.testing import StreamClient

EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
SCAN = re.compile(r"SCAN (\w+)(?! USING COVERING INDEX)|Seq Scan on (\w+)")


def hours_of(zone, day, settings):
    """Return the lengths of the hours of a day, in minutes, and the length of the day, in hours."""
    settings.TIME_ZONE = zone
    timezone.get_default_timezone.cache_clear()
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=timezone.get_default_timezone())
    days = edges(DAY, noon)
    start, end = days[-2:]
    hours = [each for each in edges(HOUR, end + timedelta(hours=12)) if start <= each <= end]
    lengths = [(after - before).total_seconds() / 60 for before, after in pairwise(hours)]
    assert sum(lengths) == (end - start).total_seconds() / 60
    assert days == sorted(set(days))
    return set(lengths), (end - start).total_seconds() / 3600


@pytest.fixture
def hours(settings):
    yield lambda zone, day: hours_of(zone, day, settings)
    settings.TIME_ZONE = "UTC"
    timezone.get_default_timezone.cache_clear()


@pytest.mark.parametrize(("zone", "day", "lengths", "length"), [
    ("Europe/Vienna", "2026-03-29", {60}, 23),
    ("Europe/Vienna", "2026-10-25", {60}, 25),
    ("Asia/Kolkata", "2026-10-25", {60}, 24),
    ("Asia/Kathmandu", "2026-03-29", {60}, 24),
    ("Australia/Lord_Howe", "2026-10-04", {60, 30}, 23.5),
    ("Australia/Lord_Howe", "2026-04-05", {60, 90}, 24.5),
    ("Africa/Cairo", "2026-04-24", {60}, 23),
    ("America/Havana", "2026-11-01", {60}, 25),
])  # fmt: skip
def test_days_and_hours_are_those_of_the_sites_clocks(hours, zone, day, lengths, length):
    assert hours(zone, day) == (lengths, length)


@pytest.mark.django_db
def test_each_row_counts_once_where_the_clocks_change(hours, show, settings, monkeypatch):
    hours("Europe/Vienna", "2026-10-25")
    show(SIGN_UPS)
    midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
    User.objects.bulk_create(
        User(username=str(n), date_joined=midnight + timedelta(minutes=30 * n)) for n in range(-2, 52)
    )
    monkeypatch.setattr(timezone, "now", lambda: midnight + timedelta(hours=30))
    roll_up.call()
    days = measure(DAY)["accounts-sign-ups"]
    assert days.values[-3:] == [2, 50, 2]
    found = measure(HOUR)["accounts-sign-ups"]
    assert found.values[-32:] == [2] * 27 + [0] * 5
    with override("Asia/Tokyo"):
        labels = re.findall(
            r'<th scope="row">([\d:]+)</th>', activity.render(activity.SPANS["day"], SIGN_UPS, found)[SIGN_UPS.key]
        )
    assert labels[-1] == "06:00", "times are in the site's zone"


@pytest.mark.django_db
def test_values_of_figures_that_are_gone_and_old_values_are_deleted(show):
    show(SIGN_UPS)
    now = timezone.now()
    Rollup.objects.create(
        figure=SIGN_UPS.stored_as, step=DAY, start=now - timedelta(days=99), value=1, computed_at=now
    )
    Rollup.objects.create(figure="gone", step=DAY, start=edges(DAY, now)[5], value=1, computed_at=now)
    roll_up.call()
    assert Rollup.objects.count() == 47 + 59


@pytest.mark.django_db
def test_a_task_that_is_out_of_time_queues_the_rest_and_the_next_ones_take_turns(show, monkeypatch):
    show(SIGN_UPS)
    queued = []
    monkeypatch.setattr(type(roll_up), "enqueue", lambda task: queued.append(task))
    monkeypatch.setattr(rollups, "time", SimpleNamespace(monotonic=iter(range(1000)).__next__))
    monkeypatch.setattr(rollups, "SLICE_SECONDS", 20)
    while Rollup.objects.count() < 47 + 59:
        roll_up.call()
    assert len(queued) == 5
    roll_up.call()
    times = Rollup.objects.order_by("computed_at").values_list("computed_at", flat=True)
    assert times[0] < times[len(times) - 20]
    assert len(queued) == 5


@pytest.mark.django_db
def test_the_task_is_queued_once_a_minute_unless_one_is_waiting(show, monkeypatch):
    from django_tasks_db.models import DBTaskResult

    show(SIGN_UPS)
    monkeypatch.setattr(schedule, "due", 0)
    monkeypatch.setattr(schedule, "result", None)
    for _ in range(3):
        schedule.run()
        schedule.due = 0
    assert DBTaskResult.objects.count() == 1
    DBTaskResult.objects.all().delete()
    schedule.run()
    schedule.run()
    assert DBTaskResult.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_pages_and_tasks_use_indexes_in_large_tables(client, admin_user):
    fill(100_000)
    client.force_login(admin_user)
    with CaptureQueriesContext(connection) as queries:
        for name in activity.SPANS:
            assert client.get(PAGE, {"range": name}).status_code == 200
        for step in (HOUR, DAY):
            start, end = edges(step, timezone.now())[:2]
            totals((figure, start, end) for figure in all_figures().values())
    tables = {figure.rows.model._meta.db_table for figure in all_figures().values()}
    plans = [plan_of(query["sql"]) for query in queries if any(f'"{table}"' in query["sql"] for table in tables)]
    assert len(plans) > 20
    scanned = {name for plan in plans for found in SCAN.findall(plan) for name in found}
    assert scanned & tables == set()


def fill(count):
    """Spread posts over two months."""
    author = User.objects.create_user("author")
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count})
            INSERT INTO feed_post (author_id, text, link, image, thumbnail, created_at)
            SELECT %s, 'hello', '', '', '', {
                "datetime(%s, '-' || (n * %s) || ' seconds')"
                if connection.vendor == "sqlite"
                else "%s::timestamptz - n * %s * interval '1 second'"
            } FROM series
            """,
            [
                author.pk,
                now.isoformat() if connection.vendor == "postgresql" else now.strftime("%Y-%m-%d %H:%M:%S"),
                60 * 86_400 / count,
            ],
        )
        cursor.execute("ANALYZE")
    assert Post.objects.count() == count


def plan_of(sql):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # it scans small tables even if they have an index
        cursor.execute(EXPLAIN[connection.vendor] + sql)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("viewers", [1, 10])
async def test_the_queries_of_twenty_changes_do_not_depend_on_the_viewers(show, viewers, monkeypatch):
    show(SIGN_UPS)
    measured = []
    monkeypatch.setattr(activity, "measure", lambda *given: measured.append(given) or measure(*given))
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(StreamClient().open(STREAM)) for _ in range(viewers)]
        for stream in streams:
            assert "<b>0</b>" in (await stream.next()).data["html"]
        before = metrics.counts["queries"]
        for number in range(20):
            await User.objects.acreate(username=str(number))
        for stream in streams:
            received = [await stream.next()]
            while "<b>20</b>" not in received[-1].data["html"]:
                received.append(await stream.next())
            assert len(received) <= 3, "an event a second"
    assert len(measured) <= 4, "the first numbers, the first change, and the others a second later"
    assert metrics.counts["queries"] - before <= 20 + 5 * len(measured)
