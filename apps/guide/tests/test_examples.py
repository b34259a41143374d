"""Tests of the guide's streams. The page about tests shows this file."""

from apps.sse.testing import StreamClient


def test_the_first_stream_sends_the_time_every_two_seconds():
    with StreamClient().open("/api/guide/quick-start/stream/") as stream:
        first, second = stream.next(), stream.next()
    assert (first.name, first.id, second.id) == ("stats", "1", "2")
    assert first.data["streams"] >= 1
    assert first.data["time"] < second.data["time"]
