"""The streams of the guide; this file is also what its page about tests shows."""

from apps.sse.testing import StreamClient


def test_the_first_stream_says_the_time_again_and_again():
    with StreamClient().open("/api/guide/quick-start/stream/") as stream:
        first, second = stream.next(), stream.next()
    assert (first.name, first.id, second.id) == ("stats", "1", "2")
    assert first.data["streams"] >= 1
    assert first.data["time"] < second.data["time"]
