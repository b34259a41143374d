"""Rows of processes, as readers find them."""

from datetime import timedelta

from apps.sse.models import Process

NOTHING = {"seconds": 60, "counts": {}, "hang_ups": {}, "gauges": {}, "histograms": {}}


def row(pk, age=0, kind="web", streams=None, **data):
    """Return the row of a process that wrote it `age` seconds ago: `row(1, counts={"opened": 3})`."""
    process = Process(pk=pk, kind=kind, host="left", pid=400 + pk)
    process.data = {**NOTHING, "streams": streams or held({}), **data}
    process.age = timedelta(seconds=age)
    return process


def held(views, users=None, signed_in=None):
    """Return what a row has about streams: `held({"feed": 3}, {"feed": {"1": 2}})`."""
    users = users or {}
    number = sum(number for of in users.values() for number in of.values())
    return {
        "views": views,
        "users": users,
        "signed_in": number if signed_in is None else signed_in,
        "online": len({pk for of in users.values() for pk in of}),
    }
