"""The parser returns the events that the HTML standard defines, in chunks of any size."""

import pytest

from apps.sse.wire.parser import Frame, Parser, ReceivedEvent

WIRE = (
    "\ufeffretry: 20\r\n\r\n: a comment\r\rdata: one\rdata:two\r\nid: 7\n\n"
    "event: named\ndata: {\"é\": [1]}\nunknown: field\ndata\n\n"
    "event: without data\nid: 8\n\n"
    "data\n\nid: nul\0\ndata:  spaced\n\nid\ndata: x\n\ndata: unfinished\n"
).encode()  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_the_events_of_a_stream_do_not_depend_on_the_size_of_its_chunks(size):
    parser = Parser()
    received = [event for start in range(0, len(WIRE), size) for event in parser.feed(WIRE[start : start + size])]
    assert received == [
        ReceivedEvent("message", "one\ntwo", "7", "one\ntwo"),
        ReceivedEvent("named", {"é": [1]}, None, '{"é": [1]}\n'),
        ReceivedEvent("message", "", None, ""),
        ReceivedEvent("message", " spaced", None, " spaced"),
        ReceivedEvent("message", "x", "", "x"),
    ]
    assert parser.last_event_id == ""


def test_an_id_without_an_event_is_the_last_event_id():
    parser = Parser("1")
    assert parser.last_event_id == "1"
    assert parser.feed(b"id: 2\n\n") == []
    assert parser.last_event_id == "2"


@pytest.mark.parametrize(
    ("wire", "frame", "is_keepalive"),
    [
        (b"retry: 20\n\n", Frame(None, None, None, 20), False),
        (b": keepalive\n\n", Frame(None, None, "keepalive", None), True),
        (b"id: 7\n\n", Frame(None, "7", None, None), True),
        (b"id: 7\ndata: 1\n\n", Frame(ReceivedEvent("message", 1, "7", "1"), "7", None, None), False),
    ],
)
def test_a_keepalive_is_a_comment_or_an_id_without_an_event(wire, frame, is_keepalive):
    assert Parser().frames(wire) == [frame]
    assert frame.is_keepalive is is_keepalive
