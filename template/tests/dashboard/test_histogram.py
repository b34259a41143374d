from collections import Counter
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dashboard.histogram import SHORTEST, quantile, slot, value

durations = st.floats(min_value=SHORTEST, max_value=3_600_000)


@given(durations)
def test_a_duration_is_read_back_within_five_percent(duration):
    assert value(slot(duration)) == pytest.approx(duration, rel=0.05)


@given(st.lists(durations, min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_quantile_is_within_five_percent_of_the_true_one(all_durations, share):
    truth = sorted(all_durations)[ceil(share * len(all_durations)) - 1]
    assert quantile(Counter(map(slot, all_durations)), share) == pytest.approx(truth, rel=0.05)


@given(st.lists(durations), st.lists(durations, min_size=1))
def test_the_sum_of_two_histograms_is_the_histogram_of_all(some, others):
    summed = Counter(map(slot, some)) + Counter(map(slot, others))
    assert quantile(summed, 0.95) == quantile(Counter(map(slot, some + others)), 0.95)


@pytest.mark.parametrize("duration", [0, -1, 1e-9])
def test_a_duration_too_short_to_measure_counts_as_the_shortest(duration):
    assert slot(duration) == slot(SHORTEST)


def test_nothing_has_no_quantile():
    assert quantile({}, 0.5) is None
    assert quantile({12: 0}, 0.5) is None
