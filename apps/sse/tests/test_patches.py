"""`push_patch` and the other helpers that change the page: what is sent, and what is refused before it is."""

import json
from pathlib import Path

import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from apps.sse import SSEMixin
from apps.sse.patches import MODES
from apps.sse.tests.test_events import decode, read_back

EXAMPLES = json.loads((Path(__file__).parent / "patches.json").read_text(encoding="utf-8"))
SENT = [example for example in EXAMPLES if "refused" not in example]
REFUSED = [example for example in EXAMPLES if "refused" in example]


def sent(patches):
    wire = SSEMixin().push_patch(patches)
    assert [event.event for event in decode(wire)] == ["patch"]
    return read_back(wire)


@pytest.mark.parametrize("example", SENT, ids=lambda example: example["name"])
def test_what_the_client_can_apply_is_sent_as_it_is(example):
    assert sent(example["patches"]) == example["patches"]


@pytest.mark.parametrize("example", REFUSED, ids=lambda example: example["name"])
def test_what_the_client_could_not_apply_is_refused_with_a_reason(example):
    with pytest.raises((TypeError, ValueError), match=example["refused"]):
        sent(example["patches"])


def test_the_reason_says_which_operation_it_is():
    with pytest.raises(ValueError, match=r"Operation 2 of push_patch, .*'sideways'"):
        sent([{"op": "remove", "path": "b"}, {"op": "sideways", "path": "b"}])


@pytest.mark.parametrize("patches", [{"op": "remove", "path": "b"}, "remove", None])
def test_operations_are_a_list(patches):
    with pytest.raises(TypeError):
        sent(patches)


def test_what_a_template_renders_to_travels_as_html():
    rendered = mark_safe("<i>x</i>")
    assert sent([{"op": "append", "path": "b", "value": rendered}])[0]["value"] == {"html": "<i>x</i>"}
    attribute = {"op": "set_attribute", "path": "b", "name": "title", "value": mark_safe("a &amp; b")}
    assert sent([attribute])[0]["value"] == "a &amp; b"


def test_a_translation_is_text():
    assert sent([{"op": "text", "path": "b", "value": gettext_lazy("Yes")}])[0]["value"] == "Yes"


@pytest.mark.parametrize("helper", ["push_html", "push_text"])
def test_a_mode_is_one_that_the_client_knows(helper):
    for mode in MODES:
        assert read_back(getattr(SSEMixin(), helper)("#a", "x", mode=mode))["mode"] == mode
    with pytest.raises(ValueError, match="There is no mode 'sideways': choose one of replace, append"):
        getattr(SSEMixin(), helper)("#a", "x", mode="sideways")
