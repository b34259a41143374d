"""A stream is a view like any other: methods, middleware, ids and errors, on every kind of server."""

import asyncio
import inspect
import zlib

import pytest
from django.http import JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.views import View

from apps.sse import SSEMixin, SSEView

from .streams import WAYS, ask, decode, make_user, session_cookie

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


def endless():
    """Return a stream that waits for ever after its first event, and what it has noted."""
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

    return Endless.as_view(), notes


def has_first(chunks):
    return b"data: first\n\n" in b"".join(chunks)


# Methods


@each_view
def test_a_stream_is_answered_with_its_headers(way, view):
    answer = ask(way, view.as_view(sse_keepalive_interval=20))
    assert answer.names == ["number"] * 3 + ["sse:end"]
    assert answer.body.startswith(b"retry: 3000\n\n")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["SSE-Keepalive"] == "20"
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_a_wrong_method_is_told_the_right_ones(way, method):
    answer = ask(way, Numbers.as_view(), method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


@each_view
def test_options_says_what_is_allowed(way, view):
    answer = ask(way, view.as_view(), "OPTIONS")
    assert (answer.status, answer.headers["Allow"]) == (200, "GET, HEAD, OPTIONS")


def test_head_has_the_headers_of_get_and_never_runs_the_stream(way):
    view, notes = endless()
    head, get = ask(way, view, "HEAD"), ask(way, view, until=has_first)
    assert (head.status, head.body) == (200, b"")
    assert head.headers == get.headers
    assert notes == ["started", "finally"], "which is the GET"


@pytest.mark.parametrize("view", [MixedIn, MixedIntoSync])
def test_head_does_not_hang_on_a_mixin_either(way, view):
    answer = ask(way, view.as_view(), "HEAD")
    assert (answer.body, answer.headers["SSE-Keepalive"]) == (b"", "15")


def test_head_is_refused_as_get_is(way):
    class Full(Numbers):
        async def mount(self, request, last_event_id):
            return JsonResponse({}, status=503)

    assert ask(way, Full.as_view(), "HEAD").status == 503


def test_a_client_that_leaves_ends_the_stream(way):
    view, notes = endless()
    answer = ask(way, view, until=has_first)
    assert answer.names == ["first"]
    assert notes == ["started", "finally"]


# Middleware


def sync_mark(get_response):
    def middleware(request):
        response = get_response(request)
        response.headers["X-Mark"] = "marked"
        response.set_cookie("mark", "1")
        return response

    return middleware


@sync_and_async_middleware
def async_mark(get_response):
    if not inspect.iscoroutinefunction(get_response):
        return sync_mark(get_response)

    async def middleware(request):
        response = await get_response(request)
        response.headers["X-Mark"] = "marked"
        response.set_cookie("mark", "1")
        return response

    return middleware


@sync_and_async_middleware
def shout(get_response):
    """Wrap the content of a response, as Django's documentation of middleware shows it."""

    def loud(response):
        content = response.streaming_content
        if response.is_async:

            async def wrapped():
                async for chunk in content:
                    yield chunk.upper()

            response.streaming_content = wrapped()
        else:
            response.streaming_content = (chunk.upper() for chunk in content)
        return response

    if not inspect.iscoroutinefunction(get_response):
        return lambda request: loud(get_response(request))

    async def middleware(request):
        return loud(await get_response(request))

    return middleware


@pytest.mark.parametrize("place", ["middleware", "inner"])
@pytest.mark.parametrize("mark", ["sync_mark", "async_mark"])
def test_a_middleware_sets_headers_and_cookies(way, mark, place):
    answer = ask(way, Numbers.as_view(), **{place: [f"{__name__}.{mark}"]})
    assert answer.headers["X-Mark"] == "marked"
    assert answer.headers["Set-Cookie"].startswith("mark=1")
    assert answer.names == ["number"] * 3 + ["sse:end"]


def test_a_middleware_that_wraps_the_stream_sees_it(way):
    answer = ask(way, Numbers.as_view(), middleware=[f"{__name__}.shout"])
    assert answer.body.count(b"EVENT: NUMBER\n") == 3


@pytest.mark.django_db(transaction=True)
def test_a_session_that_is_saved_with_every_request_is_saved(way):
    cookie = session_cookie(make_user())
    answer = ask(way, Numbers.as_view(), headers={"Cookie": cookie}, SESSION_SAVE_EVERY_REQUEST=True)
    assert answer.headers["Set-Cookie"].startswith(cookie)
    assert answer.names == ["number"] * 3 + ["sse:end"]


def test_a_conditional_get_is_a_stream_all_the_same(way):
    answer = ask(
        way,
        Numbers.as_view(),
        headers={"If-None-Match": "*", "If-Modified-Since": "Wed, 01 Jan 2098 00:00:00 GMT"},
        middleware=["django.middleware.http.ConditionalGetMiddleware"],
    )
    assert (answer.status, "ETag" in answer.headers) == (200, False)
    assert answer.names == ["number"] * 3 + ["sse:end"]


def ask_behind_the_cache(way, view, method="GET"):
    return ask(
        way,
        view,
        method,
        middleware=["django.middleware.cache.UpdateCacheMiddleware"],
        inner=["django.middleware.cache.FetchFromCacheMiddleware"],
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(id(view))}
        },
    )


def counted(answer_of):
    """Return a view that counts how often it was mounted, and by which method."""
    calls = []

    class Counted(SSEView):
        async def mount(self, request, last_event_id):
            calls.append(request.method)
            return answer_of(len(calls))

        async def stream(self, request):
            yield self.event("call", len(calls))

    return Counted.as_view(), calls


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_is_never_cached(way, method):
    view, calls = counted(lambda number: None)
    answers = [ask_behind_the_cache(way, view, method) for _ in range(2)]
    assert calls == [method, method]
    assert [a.events[0].data for a in answers if method == "GET"] == (["1", "2"] if method == "GET" else [])


def test_an_answer_instead_of_the_stream_is_not_cached_unless_it_says_so(way):
    view, _ = counted(lambda number: JsonResponse({"number": number}))
    assert [ask_behind_the_cache(way, view).body for _ in range(2)] == [b'{"number": 1}', b'{"number": 2}']
    view, _ = counted(lambda number: JsonResponse({"number": number}, headers={"Cache-Control": "max-age=60"}))
    assert [ask_behind_the_cache(way, view).body for _ in range(2)] == [b'{"number": 1}', b'{"number": 1}']


def gunzip(chunks):
    decoder = zlib.decompressobj(wbits=31)
    return b"".join(decoder.decompress(chunk) for chunk in chunks)


def test_a_compressed_stream_arrives_event_by_event(way):
    view, notes = endless()
    answer = ask(
        way,
        view,
        headers={"Accept-Encoding": "gzip"},
        middleware=["django.middleware.gzip.GZipMiddleware"],
        until=lambda chunks: b"data: first\n\n" in gunzip(chunks),
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert notes == ["started", "finally"]


def test_a_compressed_stream_ends_as_a_whole(way):
    answer = ask(
        way,
        Numbers.as_view(),
        headers={"Accept-Encoding": "gzip"},
        middleware=["django.middleware.gzip.GZipMiddleware"],
    )
    decoder = zlib.decompressobj(wbits=31)
    events = decode(decoder.decompress(answer.body).decode())
    assert [event.event for event in events] == ["number"] * 3 + ["sse:end"]
    assert decoder.eof


# Ids


class Echo(SSEView):
    """Tells what mount() was given, with an automatic id."""

    async def mount(self, request, last_event_id):
        self.seen = last_event_id

    async def stream(self, request):
        yield self.event("seen", {"id": self.seen, "again": self.get_last_event_id(request)})


def echo(way, sent, **attributes):
    answer = ask(way, Echo.as_view(**attributes), headers={} if sent is None else {"Last-Event-ID": sent})
    assert answer.status == 200
    assert answer.events.pop().event == "sse:end"
    return answer.events[:-1]


def test_a_client_without_an_id_starts_at_one(way):
    (seen,) = echo(way, None)
    assert (seen.id, seen.json()) == ("1", {"id": None, "again": None})


def test_automatic_ids_go_on_from_the_last_one(way):
    (seen,) = echo(way, "41")
    assert (seen.id, seen.json()) == ("42", {"id": "41", "again": "41"})


GARBAGE = [
    "forty-one",
    "-1",
    "1.0",
    "1e3",
    " 1",
    "1;drop",
    "٣",
    "²",
    "9" * 19,
    "1" * 70_000,
    b"\xff\xfe",
    b"\x801",
]


@pytest.mark.parametrize("sent", GARBAGE, ids=lambda sent: repr(sent[:10]))
def test_an_id_that_is_none_of_ours_is_none_for_mount_and_one_reset_for_the_client(way, sent):
    reset, seen = echo(way, sent)
    assert (reset.event, reset.id, reset.json()) == ("sse:reset", "", {"reason": "unknown-id"})
    assert (seen.id, seen.json()) == ("1", {"id": None, "again": None})


@pytest.mark.parametrize("sent", [b"\xff\xfe", b"caf\xe9", "a\x01b", "x\x7f", " a", "é" * 257], ids=ascii)
def test_a_string_id_that_event_could_not_have_sent_is_no_id(way, sent):
    reset, seen = echo(way, sent, event_id=str)
    assert (reset.event, seen.json()["id"]) == ("sse:reset", None)


@pytest.mark.parametrize(
    "id", ["a-1", "voilà", "日本", "👩‍👩‍👧", "a b", "7", "é" * 256, "\u2028", "a:b"], ids=ascii
)
def test_a_string_id_comes_back_as_it_was_sent(way, id):
    class Ids(Echo):
        event_id = str

        async def stream(self, request):
            yield self.event("seen", self.seen, id=id)

    (seen, _) = ask(way, Ids.as_view()).events
    (again, _) = ask(way, Ids.as_view(), headers={"Last-Event-ID": seen.id}).events
    assert (again.data if id != "7" else again.json(), again.id) == (id, id)


# Errors


def test_a_view_without_a_stream_is_told_what_to_write(way, caplog):
    class Forgotten(SSEView):
        pass

    assert ask(way, Forgotten.as_view()).status == 500
    assert "Forgotten has no stream(): write an async generator" in caplog.text


async def returns(self, request):
    return self.event("number", 1)


def yields(self, request):
    yield self.event("number", 1)


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (returns, "coroutine"),
        (yields, "generator"),
        (lambda self, request: None, "None"),
        (lambda self, r: [], "[]"),
    ],
)
def test_a_stream_that_is_no_async_generator_is_told_what_it_has_to_be(way, stream, found, caplog, recwarn):
    view = type("Odd", (SSEView,), {"stream": stream})
    assert ask(way, view.as_view()).status == 500
    assert "Odd has to stream from an async generator (`async def` with `yield`), not from" in caplog.text
    assert found in caplog.text
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]


@pytest.mark.parametrize("frame", [None, {"a": 1}, b"data: 1\n\n", 1])
def test_a_stream_that_yields_no_string_is_logged_and_the_client_told(way, frame, caplog):
    class Odd(SSEView):
        async def stream(self, request):
            yield self.event("number", 1)
            yield frame

    assert ask(way, Odd.as_view()).names == ["number", "sse:error"]
    assert f"stream() yielded {frame!r}: yield strings, such as self.event(name, data)." in caplog.text


@pytest.mark.parametrize(
    "name",
    ["sse:end", "sse:", "connected", "disconnected", "reconnecting", "reconnected", "error", "*", "", "a\nb"],
)
def test_a_stream_that_uses_a_name_of_the_client_is_logged_and_the_client_told(way, name, caplog):
    class Odd(SSEView):
        async def stream(self, request):
            yield self.event(name, 1)

    assert ask(way, Odd.as_view()).names == ["sse:error"]
    assert "ValueError" in caplog.text
