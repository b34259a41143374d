"""Chromium's `EventSource` and `DjustSSE` receive exactly what the server has encoded."""

import json
import random
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from django.utils.safestring import SafeString, mark_safe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.sse import sse_comment, sse_event
from apps.sse.wire.events import check_event_name, encode_data, is_id, sse_retry

BATCH = 500
CUTS = 200
TRICKY = '\r\n\0:{}[]"\\ntrue1e-.\u2028\u2029\u0085\v\f\ufeff \ud800\udfffé😀'
LIKE_JSON = ["1", "true", "null", "-0", "1e400", "NaN", '"x"', ' {"html": "<b>"}', "[" * 999, "9" * 999]
AWKWARD = ["", " leading", "\n", "a\r", *LIKE_JSON]
INJECTIONS = [f"a{newline}data: injected{newline}{newline}" for newline in ("\r", "\n", "\r\n")]
HELPER_EVENTS = {"html", "text", "patch", "redirect", "reload"}

any_text = st.text(st.characters(exclude_categories=[]))
tricky_text = st.text(st.sampled_from(TRICKY), max_size=20)
awkward = st.sampled_from(AWKWARD)
strings = any_text | tricky_text | awkward
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
one_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=8)


def is_application_event(name):
    """Return whether an application may use this name for an event that does not change the page."""
    try:
        return check_event_name(name) not in HELPER_EVENTS
    except ValueError:
        return False


class Given(NamedTuple):
    """An event for the encoder."""

    data: Any
    event: str | None
    id: str | int | None
    comment: str

    def frames(self):
        """Return the encoded frames."""
        return sse_comment(self.comment) + sse_event(self.data, event=self.event, id=self.id)


events = st.builds(
    Given,
    data=strings | json_values | strings.map(mark_safe),
    event=st.none() | one_line.filter(is_application_event),
    id=st.none() | st.just("") | one_line.filter(is_id) | st.integers(0, 2**53),
    comment=one_line | st.text(st.sampled_from("\r\n:a"), max_size=5) | st.sampled_from(INJECTIONS),
)


def batch():
    """Return many random events."""
    made = []

    @given(events)
    @settings(max_examples=BATCH, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    def make(event):
        made.append(event)

    make()
    return made


@pytest.fixture
def play(page, server):
    """Send events in one stream of random chunks, and return what the page received."""

    def start(given):
        frames = "".join([sse_retry(3000), *(event.frames() for event in given), sse_event({}, event="sse:end")])
        wire = frames.encode()
        stream = server.accept().stream()
        cuts = [0, *sorted(random.sample(range(1, len(wire)), CUTS)), len(wire)]
        for start, end in pairwise(cuts):
            stream.send(wire[start:end])
        page.wait_for_function("() => received.at(-1)?.[0] === 'sse:end'")
        return from_javascript(page.evaluate("() => JSON.stringify(received)"))[:-1]

    return start


def from_javascript(text):
    """Return the value of a JSON text, whose numbers are JavaScript's."""
    return json.loads(text, parse_int=float)


def in_javascript(data):
    """Return data as in JavaScript: numbers are floats, and two surrogates in a row are a character."""
    return from_javascript(json.dumps({"html": data} if isinstance(data, SafeString) else data))


def names_and_ids(given):
    """Return the name and the last id under which each event is received."""
    last_id, found = "", []
    for event in given:
        last_id = last_id if event.id is None else str(event.id)
        found.append((event.event or "message", last_id))
    return found


def assert_received(received, given, value):
    """Check that each event was received once, in order, with its name, its id and `value(data)`."""
    for got, event, expected in zip(received, given, names_and_ids(given), strict=False):
        assert got == [*expected, value(event.data)], f"{event} was written as {event.frames()!r}"
    assert len(received) == len(given)


def test_an_event_source_receives_the_encoded_text(page, open_page, play):
    given = batch()
    open_page("")
    page.evaluate(
        """(names) => {
            window.received = [];
            const source = new EventSource('/stream/');
            // EventSource's own events `open` and `error` are no MessageEvents.
            const onEvent = (event) =>
                event instanceof MessageEvent && received.push([event.type, event.lastEventId, event.data]);
            for (const name of [...names, 'sse:end']) source.addEventListener(name, onEvent);
        }""",
        sorted({name for name, _ in names_and_ids(given)}),
    )
    assert_received(play(given), given, encode_data)


def test_the_client_receives_the_published_value(page, open_page, play):
    given = batch()
    open_page("")
    page.evaluate("""() => {
        window.received = [];
        const onEvent = (type, data, { lastEventId }) => void received.push([type, lastEventId, data]);
        new DjustSSE('/stream/').on('*', onEvent).connect();
    }""")
    assert_received(play(given), given, in_javascript)
