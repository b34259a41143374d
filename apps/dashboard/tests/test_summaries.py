import pytest

from apps.dashboard import summaries
from apps.dashboard.histogram import slot
from apps.dashboard.history import History
from apps.dashboard.models import BUCKET, Summary
from apps.dashboard.ranges import HOUR
from apps.dashboard.summaries import Summaries

from .conftest import NOW

pytestmark = pytest.mark.django_db

END = NOW // 30 * 30
"""The end of the last half minute, as unix seconds."""

DUE = END + BUCKET


@pytest.fixture
def measured(sample):
    """Write what a process has counted in the bucket that began so many seconds before `END`."""
    return lambda before, **values: sample(age=NOW - END + before, **values)


def write(process="one", now=DUE):
    summaries.write(now, process, since=now - 3600)


def test_a_summary_has_the_means_of_its_time_and_percentiles_of_all_its_requests(measured):
    measured(30, requests=30, streams=2, memory=100, durations={slot(10): 9})
    measured(3, requests=60, errors=3, streams=4, memory=200, durations={slot(10): 1, slot(500): 9})
    measured(3, process="two", streams=2, queued=4)
    write()
    point = Summary.objects.get(step=30).point
    assert (point["time"], point["requests"], point["errors"]) == (END - 30, 15, 0.5)
    assert (point["streams"], point["memory"], point["queued"]) == (4, 150, 4)
    assert (point["median"], point["p95"]) == (pytest.approx(10, rel=0.05), pytest.approx(500, rel=0.05))
    assert point.keys() == History().until(NOW)[-1].keys()


def test_one_process_writes_for_all_once_it_is_due(measured, django_assert_num_queries):
    measured(3)
    measured(3, process="two")
    for now in (END, END + 2 * BUCKET):
        with django_assert_num_queries(0):
            write(now=now)
    with django_assert_num_queries(1):
        write("two")
    assert not Summary.objects.exists()
    write()
    write()
    assert list(Summary.objects.values_list("step", "bucket")) == [(30, END - 30)]


def test_summaries_that_were_not_written_in_time_are_written_later_and_times_without_samples_have_none(measured):
    for before in (120, 117, 30, 3):
        measured(before, streams=before)
    # Written while the clock was ahead.
    Summary.objects.create(step=30, bucket=END + 3600, point={})
    write()
    times = Summary.objects.filter(step=30).order_by("bucket").values_list("bucket", flat=True)
    assert list(times) == [END - 120, END - 30, END + 3600]


def test_a_summary_is_read_once_by_each_process_when_it_is_due(measured, django_assert_num_queries):
    measured(33, requests=3)
    measured(3, requests=6)
    write()
    hour = Summaries(HOUR)
    with django_assert_num_queries(1):
        for _ in range(3):
            assert [point["requests"] for point in hour.until(DUE)] == [1, 2]
    measured(-27, requests=9)
    write(now=DUE + 30)
    with django_assert_num_queries(1):
        assert len(hour.until(END + 30)) == 2
        assert [point["requests"] for point in hour.until(DUE + 30)] == [1, 2, 3]


def test_what_is_older_than_the_range_is_forgotten(measured):
    measured(3)
    write()
    hour = Summaries(HOUR)
    assert len(hour.until(DUE)) == 1
    assert hour.until(DUE + 3600 + 30) == []
