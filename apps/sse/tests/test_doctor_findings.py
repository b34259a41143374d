"""What `sse_doctor` prints about its arguments and about responses, without a server."""

import httpx
import pytest
from django.core.management import CommandError, call_command

from apps.sse.doctor import findings
from apps.sse.models import Process


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com/", "http://", "http://example.com:words/"])
def test_a_url_must_be_complete(url):
    with pytest.raises(CommandError, match="write it in full"):
        call_command("sse_doctor", url)


@pytest.mark.parametrize(("option", "hint"), [("--header=words", "NAME:VALUE"), ("--cookie=words", "NAME=VALUE")])
def test_headers_and_cookies_must_be_pairs(option, hint):
    with pytest.raises(CommandError, match=hint):
        call_command("sse_doctor", "http://127.0.0.1:1/", option)


class Redirect:
    status, reason = 301, "Moved Permanently"

    def __init__(self, location):
        self.headers = httpx.Headers({"Location": location})
        self.headers.get_content_type = lambda: "text/html"


@pytest.mark.parametrize(
    ("location", "advice"),
    [
        ("https://example.com/stream/", "BEHIND_PROXY=1"),
        ("https://other.example.com/", "Use that URL"),
    ],
)
def test_a_redirect_has_advice(location, advice):
    assert advice in findings.refusal("https://example.com/stream/", Redirect(location)).advice


def test_the_doctor_notes_that_a_stream_is_not_handed_off():
    finding = findings.interface({"interface": "ASGI", "handed_off": False})
    assert "Django keeps a thread for each stream" in finding.text
    assert "GZipMiddleware" in finding.advice


def row(pk, seconds, cpu_seconds, published=0, **gauges):
    counts = {"cpu_seconds": cpu_seconds, "published": published}
    return Process(pk=pk, kind="web", data={"seconds": seconds, "counts": counts, "gauges": gauges})


def test_the_doctor_reports_how_near_the_processes_are_to_their_ceilings():
    before = [row(1, 10, 2), row(2, 10, 5, published=100)]
    after = [
        row(1, 20, 3, connections=900, max_connections=1000, memory_share=0.4),
        row(2, 20, 14, 150, connections=0, max_connections=1000, memory_share=0.8),
    ]
    found = {finding.text: (finding.level, finding.advice) for finding in findings.load(before, after, 0.9)}
    assert [*found] == [
        "The web process with the most streams has 900 of at most 1,000.",
        "The fullest container or machine of the web servers uses 80% of its memory.",
        "The server of the log uses 90% of its memory.",
        "The busiest process uses 90% of a core.",
        "The site publishes 5.0 events per second. docs/scale.md has the broker's limit.",
    ]
    assert [level for level, _ in found.values()] == ["note", "note", "note", "note", "ok"]


def test_the_doctor_notes_that_the_log_is_too_short_for_clients_that_return():
    rows = [row(1, 10, 2), row(2, 10, 2)]
    for each, resets in zip(rows, (1_000, 2), strict=True):
        each.data["counts"]["resets"] = resets
    [finding] = findings.load([], rows)
    assert (finding.level, "1,002 returning clients" in finding.text) == ("note", True)
    assert "SSE_RETENTION_COUNT" in finding.advice


def test_the_doctor_needs_two_rows_of_a_process_to_report_its_load():
    [finding] = findings.load([], [row(1, 10, 2, connections=1, max_connections=1000), row(2, 10, 2)])
    assert (finding.level, finding.text[-19:]) == ("ok", "1 of at most 1,000.")
    assert [*findings.load([row(1, 10, 2)], [row(1, 10, 2)])] == []
