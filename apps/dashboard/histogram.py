"""Response times as counts on a logarithmic scale: small, summable, and 2% from the truth at most."""

from collections.abc import Mapping
from math import ceil, log

ERROR = 0.02
"""The most a value read from a histogram differs from the one that was put in, relative to it."""

SHORTEST = 0.01
"""Milliseconds. Anything shorter counts as this."""

RATIO = (1 + ERROR) / (1 - ERROR)
LOG_RATIO = log(RATIO)


def slot(milliseconds: float) -> int:
    """Return the number of the slot in which a duration is counted."""
    return ceil(log(max(milliseconds, SHORTEST)) / LOG_RATIO)


def value(slot: int) -> float:
    """Return the milliseconds a slot stands for, which are within `ERROR` of both its ends."""
    return 2 * RATIO**slot / (RATIO + 1)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """
    Return the duration, in milliseconds, that this share (0 to 1) of all do not exceed.

    `counts` holds how many durations each slot has. None when there are none.
    """
    rank = ceil(share * sum(counts.values()))
    for number in sorted(counts):
        rank -= counts[number]
        if rank <= 0 and counts[number]:
            return value(number)
    return None
