from apps.dashboard import stats

from .conftest import NOW


def test_a_bucket_is_not_read_before_all_had_time_to_write_it(clock):
    assert stats.newest() == NOW - 3
    clock.now -= 0.001
    assert stats.newest() == NOW - 6


def test_a_position_is_known_unless_it_lies_in_the_future(clock):
    assert stats.known(None) == 0
    assert stats.known(str(NOW - 30)) == NOW - 30
    assert stats.known("999999999999999999") == 0
