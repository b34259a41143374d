"""The points that are computed from the rows of the processes."""

from collections import Counter

import pytest
from django.http import HttpResponse
from django.tasks import task

from apps.dashboard import counting, history
from apps.dashboard.counting import BOUNDS, quantile
from apps.dashboard.models import BUCKET, Summary
from apps.dashboard.recorder import Recorder, distinct_users
from apps.sse import metrics
from template.tests.dashboard.conftest import NOW

pytestmark = pytest.mark.django_db
TEN_MS = next(number for number, bound in enumerate(BOUNDS) if bound >= 0.010)


@pytest.fixture
def record(clock):
    """Record rows at the end of each bucket, and return the newest point: `record([row(1)], [row(1)])`."""
    recorder = Recorder()

    def at_ends(*times):
        for rows in times:
            recorder.record(rows)
            clock.now += BUCKET
        return Summary.objects.filter(step=BUCKET).order_by("bucket").last()

    return at_ends


def test_counts_become_rates_of_all_processes_and_gauges_are_summed(record, row):
    record([row(1, counts={"requests": 100, "cpu_seconds": 1}), row(2, counts={"published": 5})])
    found = record([
        row(1, counts={"requests": 130, "cpu_seconds": 2.5}, gauges={"memory": 100, "running": 1}, guests=3),
        row(2, counts={"requests": 15, "published": 11}, gauges={"memory": 50}, guests=1),
        row(3, kind="worker", seconds=2, counts={"requests": 3}),
    ])  # fmt: skip
    point = found.point
    assert found.bucket == point["time"] == NOW
    assert (point["requests"], point["published"], point["errors"], point["cpu"]) == (16, 2, 0, 50)
    assert (point["memory"], point["running"], point["streams"], point["anonymous"]) == (150, 1, 4, 4)
    assert (point["web"], point["workers"]) == (2, 1)


def test_the_first_rows_make_no_point(record, row):
    assert record([row(1, counts={"requests": 100})]) is None


def test_the_earlier_counts_of_a_process_that_hung_are_not_new(record, row):
    assert record([row(1)], [row(1), row(2, counts={"requests": 900})]).point["requests"] == 0


def test_rates_after_a_gap_are_means_over_the_gap(record, row, clock):
    record([row(1, counts={"requests": 0})])
    clock.now += 9
    assert record([row(1, counts={"requests": 60})]).point["requests"] == 5


def test_a_user_with_streams_in_two_processes_is_one_user(record, row):
    assert record([], [row(1, users=[1, 2]), row(2, users=[2, 3, 4])]).point["users"] == 4
    assert distinct_users([{"users": {"feed": {"1": 2}}, "online": 8}]) == 8


def test_percentiles_include_all_processes_in_the_last_minute(record, row):
    slow = [0] * TEN_MS + [0, 0, 0, 3]
    point = record([row(1)], [row(1), row(2, seconds=1, buckets=slow)]).point
    assert point["p95"] > point["median"] > 15
    quick = [0] * TEN_MS + [9]
    point = record([row(1, buckets=quick), row(2, buckets=slow)]).point
    assert point["median"] == pytest.approx(10, rel=0.2)
    assert point["p95"] > 15
    last = record(*[[row(1, buckets=quick), row(2, buckets=slow)]] * 21).point
    assert (last["median"], last["p95"]) == (None, None), "no requests in the last minute"


@pytest.mark.parametrize("fraction", [0.5, 0.95])
def test_a_percentile_is_accurate_to_two_percent(fraction):
    durations = Counter(next(n for n, bound in enumerate(BOUNDS) if ms / 1000 <= bound) for ms in range(1, 1001))
    assert quantile(durations, fraction) == pytest.approx(fraction * 1000, rel=0.02)
    assert quantile({}, fraction) is None


def test_a_longer_range_has_means_and_the_percentiles_of_all_its_requests(record, row, clock):
    clock.now = (NOW // 30 + 1) * 30 + history.DELAY
    requests = range(0, 200, 10)
    record(*[[row(1, counts={"requests": 3 * n}, buckets=[0] * TEN_MS + [n])] for n in requests])
    summary = Summary.objects.filter(step=30).order_by("bucket").last()
    assert summary.bucket % 30 == 0
    assert summary.point["requests"] == 10
    assert summary.point["median"] == pytest.approx(10, rel=0.2)
    assert summary.point.keys() == Summary.objects.filter(step=BUCKET).last().point.keys()


def test_points_that_no_page_shows_are_deleted(record, row, stored):
    stored(age=3600)
    stored(age=603)
    record([row(1)])
    assert Summary.objects.get(step=BUCKET).bucket == NOW - 603


@task
def nothing():
    pass


def test_waiting_tasks_are_counted(record, row, settings):
    nothing.enqueue()
    assert record([row(1)], [row(1)]).point["queued"] == 1
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_tasks_db"]
    assert record([row(1)]).point["queued"] is None


@pytest.fixture
def counted(monkeypatch):
    """The counts of this process: `counted["requests"]`."""
    monkeypatch.setattr(metrics, "counts", Counter())
    return metrics.counts


def test_requests_are_counted_with_their_times_and_server_errors(counted, rf, monkeypatch):
    times = metrics.Histogram(BOUNDS)
    monkeypatch.setitem(metrics.histograms, counting.RESPONSES, times)
    for status in (200, 404, 500, 503):
        counting.measure(lambda request, status=status: HttpResponse(status=status))(rf.get("/"))
    assert (counted["requests"], counted["errors"], sum(times.buckets)) == (4, 2, 4)


def test_a_query_is_counted_once_after_its_connection_reconnects(counted):
    from django.db import connection

    counting.count_queries_on(connection=connection)
    counting.count_queries_on(connection=connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert counted["queries"] == 1
