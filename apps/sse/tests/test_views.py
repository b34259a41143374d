"""The methods and headers of a stream, on each kind of server."""

import asyncio

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.views import View

from apps.sse import SSEMixin, SSEView
from apps.sse.access.limits import connection_counts
from apps.sse.delivery import hub

from .streams import WAYS, fetch

pytestmark = pytest.mark.parametrize("way", WAYS)


class Numbers(SSEView):
    async def stream(self, request):
        for number in range(3):
            yield self.event("number", number)


class MixedIn(SSEMixin, View):
    async def get(self, request):
        return self.sse_response(Numbers.stream(self, request))


class MixedIntoSync(SSEMixin, View):
    def get(self, request):
        return self.sse_response(Numbers.stream(self, request))


VIEWS = [Numbers, MixedIn, MixedIntoSync]
each_view = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)


def endless(**attributes):
    """Return a stream that waits endlessly after its first event, and its notes."""
    notes = []

    class Endless(SSEView):
        async def stream(self, request):
            notes.append("started")
            try:
                yield self.event("first", "first")
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                notes.append("finally")

    return Endless.as_view(**attributes), notes


def has_first(chunks):
    return b"data: first\n\n" in b"".join(chunks)


@each_view
def test_a_stream_has_its_headers(way, view):
    answer = fetch(way, view.as_view(sse_keepalive_interval=20))
    assert answer.names == ["number"] * 3 + ["sse:end"]
    assert answer.body.startswith(b"retry: 3000\n\n")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["SSE-Keepalive"] == "20"
    assert "Content-Length" not in answer.headers


def test_a_joinable_stream_has_the_header_sse_joinable(way):
    class Channel(SSEView):
        channels = ["news"]

    views = {Numbers: None, Channel: "yes"}
    assert {view: fetch(way, view.as_view(), "HEAD").headers.get("SSE-Joinable") for view in views} == views
    assert fetch(way, Channel.as_view(follow="latest"), "HEAD").headers["SSE-Joinable"] == "latest"
    for joinable, header in ((True, "yes"), ("latest", "latest")):
        assert fetch(way, Numbers.as_view(joinable=joinable), "HEAD").headers["SSE-Joinable"] == header


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_the_response_to_a_wrong_method_lists_the_allowed_methods(way, method):
    answer = fetch(way, Numbers.as_view(), method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


@each_view
def test_options_lists_the_allowed_methods(way, view):
    answer = fetch(way, view.as_view(), "OPTIONS")
    assert (answer.status, answer.headers["Allow"]) == (200, "GET, HEAD, OPTIONS")


def test_head_has_the_headers_of_get_and_never_runs_the_stream(way):
    view, notes = endless()
    head, get = fetch(way, view, "HEAD"), fetch(way, view, until=has_first)
    assert (head.status, head.body) == (200, b"")
    assert head.headers == get.headers
    assert notes == ["started", "finally"], "only GET runs the stream"


@pytest.mark.parametrize("view", [MixedIn, MixedIntoSync])
def test_head_does_not_hang_on_a_view_with_the_mixin(way, view):
    answer = fetch(way, view.as_view(), "HEAD")
    assert (answer.body, answer.headers["SSE-Keepalive"]) == (b"", "15")


def test_head_is_refused_like_get(way):
    class Full(Numbers):
        async def mount(self, request, last_event_id):
            return JsonResponse({}, status=503)

    assert fetch(way, Full.as_view(), "HEAD").status == 503


def test_a_disconnect_ends_the_stream(way):
    view, notes = endless()
    answer = fetch(way, view, until=has_first)
    assert answer.names == ["first"]
    assert notes == ["started", "finally"]


def test_a_request_that_opens_no_stream_does_not_follow_the_log(way):
    async def page(request):
        return HttpResponse("a page")

    before = set(hub._hubs)
    assert fetch(way, page).body == b"a page"
    assert set(hub._hubs) == before


@pytest.mark.parametrize("outcome", [PermissionDenied(), RuntimeError(), HttpResponse(status=410)], ids=repr)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_that_mount_refuses_is_not_counted(way, outcome, method):
    class Refusing(Numbers):
        async def mount(self, request, last_event_id):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    assert fetch(way, Refusing.as_view(), method).status in {403, 410, 500}
    assert connection_counts.counts["SSE_MAX_TOTAL"].total() == 0


@each_view
def test_head_is_not_counted(way, view):
    assert fetch(way, view.as_view(), "HEAD").status == 200
    assert connection_counts.counts["SSE_MAX_TOTAL"].total() == 0


@pytest.mark.parametrize("sent", [0, 1])
def test_of_two_streams_the_one_that_the_view_returns_is_sent_and_both_stop_counting(way, sent):
    class Two(SSEMixin, View):
        async def get(self, request):
            responses = [self.sse_response(self.one(name)) for name in ("first", "second")]
            return responses[sent]

        async def one(self, name):
            yield self.event(name, name)

    assert fetch(way, Two.as_view()).names == [("first", "second")[sent], "sse:end"]
    if way == "hand-off":
        assert connection_counts.counts["SSE_MAX_TOTAL"].total() == 0


def test_a_view_that_answers_with_another_view_needs_one_stream_of_the_limit(way):
    class Delegating(SSEView):
        async def mount(self, request, last_event_id):
            return await Numbers.as_view()(request)

    assert fetch(way, Delegating.as_view(), SSE_MAX_TOTAL=1).names == ["number"] * 3 + ["sse:end"]
    assert connection_counts.counts["SSE_MAX_TOTAL"].total() == 0
