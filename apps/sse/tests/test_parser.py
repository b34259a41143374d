"""What the tests' own client makes of bytes is what the HTML standard says, however they are cut."""

import pytest

from apps.sse.wire.parser import Parser, ReceivedEvent

WIRE = (
    "\ufeffretry: 20\r\n\r\n: a comment\r\rdata: one\rdata:two\r\nid: 7\n\n"
    "event: named\ndata: {\"é\": [1]}\nunknown: field\ndata\n\n"
    "event: without data\nid: 8\n\n"
    "data\n\nid: nul\0\ndata:  spaced\n\nid\ndata: x\n\ndata: unfinished\n"
).encode()  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_events_are_the_same_however_their_bytes_are_cut(size):
    parser = Parser()
    heard = [event for start in range(0, len(WIRE), size) for event in parser.feed(WIRE[start : start + size])]
    assert heard == [
        ReceivedEvent("message", "one\ntwo", "7", "one\ntwo"),
        ReceivedEvent("named", {"é": [1]}, None, '{"é": [1]}\n'),
        ReceivedEvent("message", "", None, ""),
        ReceivedEvent("message", " spaced", None, " spaced"),
        ReceivedEvent("message", "x", "", "x"),
    ]
    assert (parser.retry, parser.last_event_id) == (20, "")


def test_the_last_event_id_goes_on_without_an_event():
    parser = Parser("1")
    assert parser.last_event_id == "1"
    assert parser.feed(b"id: 2\n\n") == []
    assert parser.last_event_id == "2"
