from types import SimpleNamespace

import pytest

from apps.dashboard.tests.conftest import empty_histories, show  # noqa: F401

NOW = 1_700_000_001
"""A moment, in unix seconds, at which a bucket ends."""


class Clock:
    """The clock of `history` and `recorder`."""

    def __init__(self, monkeypatch):
        from apps.dashboard import history, recorder

        self.now = NOW + history.DELAY
        for module in (history, recorder):
            monkeypatch.setattr(module, "time", self)

    def time(self):
        return self.now

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still when the bucket before `NOW` becomes readable."""
    return Clock(monkeypatch)


@pytest.fixture
def stored(db):
    """Store a point: `stored(age=3, requests=9)` for the bucket that began 3 s before `NOW`."""
    from apps.dashboard.models import BUCKET, Summary
    from apps.dashboard.recorder import FIGURES

    def store(age=3, step=BUCKET, **figures):
        point = {"time": NOW - age, "web": 1, "workers": 0, **dict.fromkeys(FIGURES, 0), **figures}
        return Summary.objects.create(step=step, bucket=NOW - age, point=point)

    return store


@pytest.fixture
def row():
    """The row of a process as the library reads it: `row(1, counts={"requests": 30})`."""

    def make(pk, kind="web", seconds=1000, counts=(), gauges=(), buckets=(), users=(), guests=0):
        numbers = {str(user): 1 for user in users}
        streams = {"users": {"feed": numbers}, "signed_in": len(numbers), "online": len(numbers)}
        data = {
            "seconds": seconds,
            "counts": dict(counts),
            "gauges": {"connections": len(numbers) + guests, **dict(gauges)},
            "histograms": {"response_seconds": {"buckets": [*buckets]}},
            "streams": streams,
        }
        return SimpleNamespace(pk=pk, kind=kind, data=data)

    return make
