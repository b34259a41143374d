# pytest imports this file before Django is ready, so the fixtures import the models.

import pytest


@pytest.fixture(autouse=True)
def empty_histories(monkeypatch):
    """Start without the points that earlier tests have left in memory."""
    from apps.dashboard import history

    fresh = {name: history.History(each.span) for name, each in history.histories.items()}
    monkeypatch.setattr(history, "histories", fresh)


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
