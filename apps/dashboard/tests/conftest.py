# Imported before Django is ready, so that models are imported where they are used.

import pytest

NOW = 1_700_000_001
"""A moment, in unix seconds, at which a bucket ends."""


class Clock:
    """The time as the reader is told it, and the sleepers that wait for it to move on."""

    def __init__(self, monkeypatch):
        from apps.dashboard import stats

        self.now = NOW + stats.GRACE
        monkeypatch.setattr(stats, "time", self)

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Stop the clock of the reader just when the bucket before `NOW` may be read."""
    return Clock(monkeypatch)


@pytest.fixture(autouse=True)
def nothing_known_yet(monkeypatch):
    """Begin without what an earlier test has left in the memory of this process."""
    from apps.dashboard import stats

    spans = {span.name: stats.Summaries(span) for span in stats.SUMMARISED}
    monkeypatch.setattr(stats, "histories", {stats.MINUTES.name: stats.History(), **spans})


@pytest.fixture
def sample(db):
    """Write what a process left: `sample(age=3, requests=9)` is of the bucket that began 3 s before `NOW`."""
    from apps.dashboard.models import Sample

    def write(age=3, process="one", **values):
        nothing = {"requests": 0, "queries": 0, "cpu": 0, "memory": 0, "streams": 0, "anonymous": 0}
        return Sample.objects.create(
            bucket=NOW - age, process=process, **{"kind": Sample.Kind.WEB, **nothing, **values}
        )

    return write
