"""A client decodes the data of an event to the value that was sent."""

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
    """Return the events that a client of the specification reads from `wire`."""
    lines, decoder = SSELineDecoder(), SSEDecoder()
    text = wire.encode().decode()
    return [event for line in lines.decode(text) + lines.flush() if (event := decoder.decode(line))]


def read_back(wire):
    """Return the data of a single event as `DjustSSE` passes them to a listener."""
    (event,) = decode(wire)
    try:
        return json.loads(event.data, parse_constant=lambda name: float("nope"))
    except ValueError:
        return event.data


@given(any_text | tricky_text)
def test_a_string_is_decoded_to_the_same_string(text):
    assert read_back(sse_event(text)) == text


@given(json_values)
def test_a_json_value_is_decoded_to_the_same_value(value):
    assert read_back(sse_event(value)) == value


@pytest.mark.parametrize("text", ["1", "true", "null", ' {"html": "<b>"}', "[" * 100_000, "9" * 5000, "-0"])
def test_a_string_that_looks_like_json_stays_a_string(text):
    (event,) = decode(sse_event(text))
    assert json.loads(event.data) == text


@pytest.mark.parametrize("text", ["", "hello", "tea time", "-", "NaN", "two\nlines", " leading", "a:b"])
def test_a_plain_string_is_sent_unchanged(text):
    (event,) = decode(sse_event(text))
    assert event.data == text


def test_a_safe_string_is_sent_as_html():
    assert read_back(sse_event(mark_safe("<b>bold</b>"))) == {"html": "<b>bold</b>"}


def test_other_types_are_encoded_by_djangos_json_encoder():
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
def test_nan_and_infinity_are_refused(number):
    with pytest.raises(ValueError, match="JSON has no NaN, no infinity"):
        sse_event(number)


def test_data_that_json_cannot_represent_are_refused():
    with pytest.raises(TypeError, match="cannot be encoded as JSON"):
        sse_event(object())


@pytest.mark.parametrize("breaker", ["\r", "\n", "\r\n", "\0", "\ud800"])
def test_names_and_ids_cannot_inject_lines(breaker):
    with pytest.raises(ValueError, match="event name"):
        sse_event("x", event=f"a{breaker}data: injected")
    with pytest.raises(ValueError, match="id"):
        sse_event("x", id=f"1{breaker}data: injected")


@given(any_text | tricky_text)
def test_a_comment_is_not_an_event(text):
    try:
        wire = sse_comment(text)
    except ValueError:
        return
    assert [event.data for event in decode(wire + sse_event("after"))] == ["after"]


@pytest.mark.parametrize("retry", [-1, 1.5, True, "3000"])
def test_a_retry_must_be_a_number_of_milliseconds(retry):
    with pytest.raises(ValueError, match="milliseconds"):
        sse_event("x", retry=retry)


def test_each_field_of_an_event_is_one_line():
    assert sse_event({"n": 1}, event="stats", id=7, retry=500) == (
        'event: stats\nid: 7\nretry: 500\ndata: {"n":1}\n\n'
    )


@pytest.mark.parametrize("name", ["connected", "error", "reconnecting", "sse:end", "sse:", "", "*", None])
def test_reserved_event_names_are_refused(name):
    with pytest.raises(ValueError, match="event name"):
        SSEMixin().event(name, {})


def test_events_without_an_id_are_numbered_if_auto_id_is_on():
    mixin = SSEMixin()
    ids = [decode(mixin.event("a", 1))[0].id, decode(mixin.event("a", 1, id="x"))[0].id]
    ids += [decode(mixin.data_event(1))[0].id, decode(mixin.push_reload())[0].id]
    assert ids == ["1", "x", "2", ""]
    mixin.auto_id = False
    assert decode(mixin.event("a", 1))[0].id == ""
