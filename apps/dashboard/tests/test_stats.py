import pytest

from apps.dashboard import stats
from apps.dashboard.histogram import slot
from apps.dashboard.models import Sample

from .conftest import NOW

NEWEST = NOW - 3


def test_the_counts_of_all_processes_are_summed(sample):
    sample(requests=30, queries=60, cpu=1.5, memory=100, streams=4, anonymous=1, running=1)
    sample(process="two", requests=15, queries=3, cpu=0.75, memory=50, streams=2, anonymous=2, running=2)
    point = stats.history(NEWEST)[-1]
    assert point["requests"] == 15
    assert point["queries"] == 21
    assert point["cpu"] == 75
    assert (point["memory"], point["streams"], point["anonymous"], point["running"]) == (150, 6, 3, 3)


def test_a_user_with_streams_in_two_processes_is_one_user(sample):
    sample(users=[1, 2])
    sample(process="two", users=[2, 3, 4])
    assert stats.history(NEWEST)[-1]["users"] == 4


def test_the_queue_which_every_process_sees_is_not_summed(sample):
    sample(queued=5)
    sample(process="two", queued=6)
    assert stats.history(NEWEST)[-1]["queued"] == 6


def test_a_queue_that_nobody_sees_is_unknown_and_not_empty(sample):
    sample()
    assert stats.history(NEWEST)[-1]["queued"] is None


def test_processes_are_counted_by_kind(sample):
    sample()
    sample(process="two")
    sample(process="three", kind=Sample.Kind.WORKER)
    point = stats.history(NEWEST)[-1]
    assert (point["web"], point["workers"]) == (2, 1)


def test_response_times_are_those_of_all_processes_in_the_last_minute(sample):
    sample(age=63, durations={slot(9000): 100})
    sample(age=60, durations={slot(10): 6})
    sample(age=3, process="two", durations={slot(20): 3})
    sample(age=3, process="three", durations={slot(500): 1})
    point = stats.history(NEWEST)[-1]
    assert point["median"] == pytest.approx(10, rel=0.05)
    assert point["p95"] == pytest.approx(500, rel=0.05)


def test_without_a_request_in_the_last_minute_there_is_no_response_time(sample):
    sample(age=63, durations={slot(10): 6})
    sample(age=3)
    before, now = stats.history(NEWEST)
    assert before["median"] is not None
    assert (now["median"], now["p95"]) == (None, None)


def test_a_time_that_was_not_measured_has_no_point(sample):
    sample(age=12)
    sample(age=3)
    assert [point["time"] for point in stats.history(NEWEST)] == [NOW - 12, NOW - 3]


def test_nothing_is_invented_when_there_are_no_samples(db):
    assert stats.history(NEWEST) == []


def test_the_history_is_five_minutes_long(sample):
    for age in range(3, 600, 3):
        sample(age=age)
    times = [point["time"] for point in stats.history(NEWEST)]
    assert times == list(range(NOW - 300, NOW, 3))


def test_the_oldest_point_knows_the_minute_before_it(sample):
    sample(age=330, durations={slot(40): 2})
    sample(age=300)
    assert stats.history(NEWEST)[0]["median"] == pytest.approx(40, rel=0.05)


def test_a_bucket_is_not_read_before_all_had_time_to_write_it(clock):
    assert stats.newest() == NOW - 3
    clock.now -= 0.001
    assert stats.newest() == NOW - 6


def test_a_bucket_is_read_once_however_many_ask(sample, django_assert_num_queries):
    sample()
    with django_assert_num_queries(1):
        for _ in range(20):
            stats.history(NEWEST)


def test_a_position_is_known_unless_it_lies_in_the_future(clock):
    assert stats.known(None) == 0
    assert stats.known(str(NOW - 30)) == NOW - 30
    assert stats.known("999999999999999999") == 0
