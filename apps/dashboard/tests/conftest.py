# pytest imports this file before Django is ready, so the fixtures import the models.

import pytest

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


@pytest.fixture(autouse=True)
def empty_histories(monkeypatch):
    """Start without the points that earlier tests have left in memory."""
    from apps.dashboard import history

    fresh = {name: history.History(each.span) for name, each in history.histories.items()}
    monkeypatch.setattr(history, "histories", fresh)


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
def show(monkeypatch):
    """Show these figures only: `show(Figure(…))`."""

    from apps.dashboard import changes, figures

    def declare(*declared):
        monkeypatch.setattr(figures, "declared", lambda: [("apps.shop", each) for each in declared])
        figures.valid_figures.cache_clear()
        changes.by_table.cache_clear()

    yield declare
    monkeypatch.undo()
    figures.valid_figures.cache_clear()
    changes.by_table.cache_clear()
