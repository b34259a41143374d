from types import SimpleNamespace

import pytest

from apps.dashboard.tests.conftest import clock, empty_histories, show, stored  # noqa: F401


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
