"""What several tests of the library need."""

import pytest

from apps.sse import hub as hubs
from apps.sse import log
from apps.sse.brokers import get_broker


@pytest.fixture
def quick(monkeypatch):
    """Short pauses, small pages and a short memory, so that little is enough to leave them."""
    monkeypatch.setattr(log, "FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(log, "PAGE", 5)
    monkeypatch.setattr(hubs, "PAGE", 5)
    monkeypatch.setattr(log, "RECENT_EVENTS", 20)


@pytest.fixture
def flaky(settings):
    settings.SSE_BROKER_URL = "apps.sse.tests.followers.Flaky://"
    return get_broker()
