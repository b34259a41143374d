"""What is given to an event is what a client reads back, whatever it holds."""

import datetime
import decimal
import json
import uuid

import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from hypothesis import given
from hypothesis import strategies as st

from apps.sse import SSEMixin, sse_comment, sse_event

any_text = st.text(st.characters(exclude_categories=[]))
tricky_text = st.text(st.sampled_from('\r\n\0:{}[]"\\ntrue1e-.\u2028\u0085\v\f\ufeff \ud800é'), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


def decode(wire):
    """Return the events that a client of the specification hears in `wire`."""
    lines, decoder = SSELineDecoder(), SSEDecoder()
    text = wire.encode().decode()
    return [event for line in lines.decode(text) + lines.flush() if (event := decoder.decode(line))]


def read_back(wire):
    """Return the one event's data as `DjustSSE` gives it to a listener."""
    (event,) = decode(wire)
    try:
        return json.loads(event.data, parse_constant=lambda name: float("nope"))
    except ValueError:
        return event.data


@given(any_text | tricky_text)
def test_a_string_is_read_back_as_the_same_string(text):
    assert read_back(sse_event(text)) == text


@given(json_values)
def test_any_json_value_is_read_back_as_the_same_value(value):
    assert read_back(sse_event(value)) == value


@pytest.mark.parametrize("text", ["1", "true", "null", ' {"html": "<b>"}', "[" * 100_000, "9" * 5000, "-0"])
def test_a_string_that_looks_like_json_stays_a_string(text):
    (event,) = decode(sse_event(text))
    assert json.loads(event.data) == text


@pytest.mark.parametrize("text", ["", "hello", "tea time", "-", "NaN", "two\nlines", " leading", "a:b"])
def test_a_plain_string_travels_as_it_is(text):
    (event,) = decode(sse_event(text))
    assert event.data == text


def test_a_safe_string_travels_as_html():
    assert read_back(sse_event(mark_safe("<b>bold</b>"))) == {"html": "<b>bold</b>"}


def test_djangos_own_types_travel_as_djangos_encoder_writes_them():
    data = {
        "when": datetime.date(2026, 1, 2),
        "price": decimal.Decimal("1.50"),
        "key": uuid.UUID(int=1),
        "said": gettext_lazy("Yes"),
    }
    expected = {"when": "2026-01-02", "price": "1.50", "key": str(uuid.UUID(int=1)), "said": "Yes"}
    assert read_back(sse_event(data)) == expected
    assert read_back(sse_event(gettext_lazy("Yes"))) == "Yes"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), [float("-inf")]])
def test_a_number_that_json_does_not_have_is_refused(number):
    with pytest.raises(ValueError, match="JSON has no NaN, no infinity"):
        sse_event(number)


def test_data_that_json_does_not_know_is_refused():
    with pytest.raises(TypeError, match="cannot be encoded as JSON"):
        sse_event(object())


@pytest.mark.parametrize("breaker", ["\r", "\n", "\r\n", "\0", "\ud800"])
def test_nothing_can_be_injected_through_a_name_or_an_id(breaker):
    with pytest.raises(ValueError, match="event name"):
        sse_event("x", event=f"a{breaker}data: injected")
    with pytest.raises(ValueError, match="id"):
        sse_event("x", id=f"1{breaker}data: injected")


@given(any_text | tricky_text)
def test_a_comment_is_never_heard(text):
    try:
        wire = sse_comment(text)
    except ValueError:
        return
    assert [event.data for event in decode(wire + sse_event("after"))] == ["after"]


@pytest.mark.parametrize("retry", [-1, 1.5, True, "3000"])
def test_a_retry_that_is_no_number_of_milliseconds_is_refused(retry):
    with pytest.raises(ValueError, match="milliseconds"):
        sse_event("x", retry=retry)


def test_the_parts_of_an_event_are_written_once_each():
    assert sse_event({"n": 1}, event="stats", id=7, retry=500) == (
        'event: stats\nid: 7\nretry: 500\ndata: {"n":1}\n\n'
    )


@pytest.mark.parametrize("name", ["connected", "error", "reconnecting", "sse:end", "sse:", "", "*", None])
def test_a_name_that_belongs_to_the_client_is_refused(name):
    with pytest.raises(ValueError, match="event name"):
        SSEMixin().event(name, {})


def test_events_are_numbered_unless_they_bring_an_id_or_the_view_says_no():
    mixin = SSEMixin()
    ids = [decode(mixin.event("a", 1))[0].id, decode(mixin.event("a", 1, id="x"))[0].id]
    ids += [decode(mixin.data_event(1))[0].id, decode(mixin.push_reload())[0].id]
    assert ids == ["1", "x", "2", ""]
    mixin.auto_id = False
    assert decode(mixin.event("a", 1))[0].id == ""
