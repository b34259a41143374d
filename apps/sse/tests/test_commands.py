"""`sse_publish` and `sse_tail`."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from apps.sse import position
from apps.sse.brokers import get_broker
from apps.sse.management.commands.sse_tail import as_line
from apps.sse.tests.contract import BrokerContract

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _log(settings):
    settings.SSE_BROKER_URL = "database://"


def run(name, *arguments):
    """Return the output of a command."""
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def newest():
    return get_broker().tail(1)[-1]


class TestPublish:
    @pytest.mark.parametrize(
        ("text", "data"),
        [
            ('{"a": [1, null]}', {"a": [1, None]}),
            ("12", 12),
            ("-5", -5),
            ("true", True),
            ("plain words", "plain words"),
            ("{half", "{half"),
            ("", ""),
        ],
    )
    def test_data_are_parsed_as_json_or_else_sent_as_text(self, text, data):
        printed = run("sse_publish", "news", "said", text)
        assert (newest().channel, newest().name, newest().data) == ("news", "said", data)
        assert printed == f"{newest().position}\n"

    def test_the_default_of_data_is_null(self):
        run("sse_publish", "news", "said")
        assert newest().data is None

    @pytest.mark.parametrize(
        ("text", "data"), [('{"long": "text"}\n', {"long": "text"}), ("two\nlines\n", "two\nlines")]
    )
    def test_data_are_read_from_standard_input(self, monkeypatch, text, data):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        run("sse_publish", "news", "said", "-")
        assert newest().data == data

    def test_an_event_is_durable_by_default(self):
        run("sse_publish", "news", "said", "1")
        assert newest().durable
        run("sse_publish", "news", "said", "1", "--not-durable")
        assert not newest().durable

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["two words", "said"], "A channel's name must"),
            (["news", "sse:end"], "reserved for the client"),
            (["news", "said", "NaN"], "cannot be encoded as JSON"),
            (["news", "said", "x" * 70_000], "SSE_MAX_EVENT_BYTES is 65,536"),
        ],
    )
    def test_an_invalid_event_is_refused_with_the_reason(self, arguments, reason):
        before = position()
        with pytest.raises(CommandError, match=reason):
            run("sse_publish", *arguments)
        assert position() == before

    def test_the_memory_broker_causes_a_warning(self, settings, capsys):
        settings.SSE_BROKER_URL = "memory://"
        run("sse_publish", "news", "said", "1")
        assert "shares no events with other processes" in capsys.readouterr().err


class TestTail:
    def test_a_line_shows_an_event_without_control_characters(self):
        event = BrokerContract.event(text="a\nb\x1b[2J é")
        assert as_line(event).split("  ")[1:] == ["0-" + event.tag, "news", event.name, "a\\nb\\x1b[2J é"]

    def test_a_position_that_was_trimmed_is_an_error(self):
        with pytest.raises(CommandError, match=r"no longer contains 1-00000000"):
            run("sse_tail", "--since", "1-00000000")

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--since", "yesterday"], "--since is yesterday"),
            (["two words"], "A channel's name must"),
        ],
    )
    def test_invalid_arguments_are_refused_with_the_reason(self, arguments, reason):
        with pytest.raises(CommandError, match=reason):
            run("sse_tail", *arguments)
