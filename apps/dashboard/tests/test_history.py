import pytest
from django.db import OperationalError

from apps.dashboard.histogram import slot
from apps.dashboard.history import History
from apps.dashboard.models import Sample

from .conftest import NOW

NEWEST = NOW - 3


def test_the_counts_of_all_processes_are_summed(sample):
    sample(
        requests=30, queries=60, published=6, delivered=300, cpu=1.5, memory=100, streams=4, anonymous=1, running=1
    )
    sample(
        process="two",
        requests=15,
        queries=3,
        published=3,
        delivered=30,
        cpu=0.75,
        memory=50,
        streams=2,
        anonymous=2,
        running=2,
    )
    point = History().until(NEWEST)[-1]
    assert point["requests"] == 15
    assert point["queries"] == 21
    assert (point["published"], point["delivered"]) == (3, 110)
    assert point["cpu"] == 75
    assert (point["memory"], point["streams"], point["anonymous"], point["running"]) == (150, 6, 3, 3)


def test_a_user_with_streams_in_two_processes_is_one_user(sample):
    sample(users=[1, 2])
    sample(process="two", users=[2, 3, 4])
    assert History().until(NEWEST)[-1]["users"] == 4


def test_the_queue_which_every_process_sees_is_not_summed(sample):
    sample(queued=5)
    sample(process="two", queued=6)
    assert History().until(NEWEST)[-1]["queued"] == 6


def test_a_queue_that_nobody_sees_is_unknown_and_not_empty(sample):
    sample()
    assert History().until(NEWEST)[-1]["queued"] is None


def test_processes_are_counted_by_kind(sample):
    sample()
    sample(process="two")
    sample(process="three", kind=Sample.Kind.WORKER)
    point = History().until(NEWEST)[-1]
    assert (point["web"], point["workers"]) == (2, 1)


def test_response_times_are_those_of_all_processes_in_the_last_minute(sample):
    sample(age=63, durations={slot(9000): 100})
    sample(age=60, durations={slot(10): 6})
    sample(age=3, process="two", durations={slot(20): 3})
    sample(age=3, process="three", durations={slot(500): 1})
    point = History().until(NEWEST)[-1]
    assert point["median"] == pytest.approx(10, rel=0.05)
    assert point["p95"] == pytest.approx(500, rel=0.05)


def test_without_a_request_in_the_last_minute_there_is_no_response_time(sample):
    sample(age=63, durations={slot(10): 6})
    sample(age=3)
    before, now = History().until(NEWEST)
    assert before["median"] is not None
    assert (now["median"], now["p95"]) == (None, None)


def test_a_time_that_was_not_measured_has_no_point(sample):
    sample(age=12)
    sample(age=3)
    assert [point["time"] for point in History().until(NEWEST)] == [NOW - 12, NOW - 3]


def test_nothing_is_invented_when_there_are_no_samples(db):
    assert History().until(NEWEST) == []


def test_the_history_is_five_minutes_long(sample):
    for age in range(3, 600, 3):
        sample(age=age)
    times = [point["time"] for point in History().until(NEWEST)]
    assert times == list(range(NOW - 300, NOW, 3))


def test_the_oldest_point_knows_the_minute_before_it(sample):
    sample(age=330, durations={slot(40): 2})
    sample(age=300)
    assert History().until(NEWEST)[0]["median"] == pytest.approx(40, rel=0.05)


def test_a_bucket_is_read_once_however_many_ask(sample, django_assert_num_queries):
    sample()
    history = History()
    with django_assert_num_queries(1):
        for _ in range(20):
            assert len(history.until(NEWEST)) == 1


def test_a_sample_is_read_once_and_added_even_if_it_comes_late(sample):
    history = History()
    sample(age=6, requests=3, durations={slot(10): 1})
    assert history.until(NOW - 6)[-1]["requests"] == 1
    sample(age=6, process="two", requests=3, durations={slot(90): 2})
    sample(age=3)
    late, now = history.until(NEWEST)
    assert late["requests"] == 2
    assert late["median"] == now["median"] == pytest.approx(90, rel=0.05)


def test_what_is_kept_is_what_a_new_process_would_read(sample):
    old = History()
    for age in range(600, 0, -3):
        sample(age=age, requests=age, durations={slot(age): age})
        old.until(NOW - age)
    assert old.until(NEWEST) == History().until(NEWEST)
    assert len(old.samples) == len(old.points) == 120


def test_a_failed_query_leaves_nothing_half_read(sample, monkeypatch):
    sample(requests=3)
    history = History()
    with monkeypatch.context() as patched:
        patched.setattr(Sample.objects, "filter", fail)
        with pytest.raises(OperationalError):
            history.until(NEWEST)
    assert history.until(NEWEST)[-1]["requests"] == 1


def fail(*args, **kwargs):
    raise OperationalError("the database is down")
