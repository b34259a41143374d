"""`push_patch` and the other helpers that change the page."""

import json
from pathlib import Path

import pytest
from django.urls import path
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from apps.sse import SSEMixin, SSEView, publish, publish_html
from apps.sse.testing import StreamClient
from apps.sse.tests.test_events import decode, read_back
from apps.sse.wire.dom import MODES

EXAMPLES = json.loads((Path(__file__).parent / "patches.json").read_text(encoding="utf-8"))
SENT = [example for example in EXAMPLES if "refused" not in example]
REFUSED = [example for example in EXAMPLES if "refused" in example]


def sent(patches):
    wire = SSEMixin().push_patch(patches)
    assert [event.event for event in decode(wire)] == ["patch"]
    return read_back(wire)


@pytest.mark.parametrize("example", SENT, ids=lambda example: example["name"])
def test_operations_that_the_client_can_apply_are_sent_unchanged(example):
    assert sent(example["patches"]) == example["patches"]


@pytest.mark.parametrize("example", REFUSED, ids=lambda example: example["name"])
def test_operations_that_the_client_cannot_apply_are_refused_with_a_reason(example):
    with pytest.raises((TypeError, ValueError), match=example["refused"]):
        sent(example["patches"])


def test_the_reason_names_the_operation():
    with pytest.raises(ValueError, match=r"Operation 2 of the patch, .*'sideways'"):
        sent([{"op": "remove", "path": "b"}, {"op": "sideways", "path": "b"}])


@pytest.mark.parametrize("patches", [{"op": "remove", "path": "b"}, "remove", None])
def test_operations_must_be_a_list(patches):
    with pytest.raises(TypeError):
        sent(patches)


def test_a_rendered_template_is_sent_as_html():
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
    with pytest.raises(ValueError, match=r"Unknown mode 'sideways'. Use one of replace, append"):
        getattr(SSEMixin(), helper)("#a", "x", mode="sideways")


class Pages(SSEView):
    channels = ["pages"]


urlpatterns = [path("pages/", Pages.as_view())]


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
def test_a_published_change_is_what_push_html_sends():
    with StreamClient().open("/pages/") as stream:
        publish_html("pages", "#row-7", "<li id=row-7>Shipped</li>", mode="outer")
        stream.assert_event(
            "html", read_back(SSEMixin().push_html("#row-7", "<li id=row-7>Shipped</li>", "outer"))
        )


@pytest.mark.parametrize(
    ("event", "data", "reason"),
    [
        ("html", mark_safe("<b>x</b>"), r"The event 'html' changes the page: .* with 'target' and 'html', not"),
        ("html", {"target": "#a"}, "a dictionary with 'target' and 'html', not"),
        ("html", {"target": " ", "html": "x"}, "The target of 'html' must be a CSS selector, not ' '"),
        ("html", {"target": "#a", "html": 7}, "The html of 'html' must be a string, not 7"),
        ("html", {"target": "#a", "html": "x", "mode": "sideways"}, "Unknown mode 'sideways'"),
        ("text", "Hello", "a dictionary with 'target' and 'text', not 'Hello'"),
        ("patch", {"op": "remove", "path": "b"}, "A patch must be a list of operations"),
        ("patch", [{"op": "remove"}], "Operation 1 of the patch, .*remove also needs path"),
        (
            "redirect",
            "/there/",
            "a dictionary with 'url', not '/there/'. Use another event name for your own data",
        ),
        ("redirect", {"url": 7}, "The url of 'redirect' must be a string"),
        ("reload", None, "a dictionary, such as {}, not None"),
    ],
)
def test_a_change_that_the_client_cannot_apply_is_not_published(event, data, reason):
    with pytest.raises((TypeError, ValueError), match=reason):
        publish("pages", event, data)


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
def test_each_change_that_the_client_applies_is_published():
    changes = {
        "html": {"target": "#a", "html": "x"},
        "text": {"target": "#a", "text": 7, "mode": "append"},
        "patch": [{"op": "remove", "path": "b"}],
        "redirect": {"url": "/there/"},
        "reload": {},
    }
    with StreamClient().open("/pages/") as stream:
        for event, data in changes.items():
            publish("pages", event, data)
            stream.assert_event(event, data)
