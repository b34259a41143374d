"""Rows of processes for tests of the pages that read them."""

from datetime import timedelta

from apps.sse.models import Process

EMPTY = {"seconds": 60, "counts": {}, "hang_ups": {}, "gauges": {}, "histograms": {}}


def row(pk, age=0, kind="web", streams=None, **data):
    """Return the row of a process that wrote it `age` seconds ago: `row(1, counts={"opened": 3})`."""
    process = Process(pk=pk, kind=kind, host="left", pid=400 + pk)
    process.data = {**EMPTY, "streams": streams or stream_counts({}), **data}
    process.age = timedelta(seconds=age)
    return process


def stream_counts(views, users=None, signed_in=None):
    """Return the section `streams` of a row: `stream_counts({"feed": 3}, {"feed": {"1": 2}})`."""
    users = users or {}
    number = sum(number for of in users.values() for number in of.values())
    return {
        "views": views,
        "users": users,
        "signed_in": number if signed_in is None else signed_in,
        "online": len({pk for of in users.values() for pk in of}),
    }
