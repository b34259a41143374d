"""Middleware can read and change a stream, and does not hold it back."""

import inspect
import zlib

import pytest
from django.http import JsonResponse
from django.utils.decorators import sync_and_async_middleware

from apps.sse import SSEView

from .streams import WAYS, decode, fetch, make_user, session_cookie
from .test_views import Numbers, endless

pytestmark = pytest.mark.parametrize("way", WAYS)


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
    """Wrap the content of a response like the example in Django's documentation."""

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
    answer = fetch(way, Numbers.as_view(), **{place: [f"{__name__}.{mark}"]})
    assert answer.headers["X-Mark"] == "marked"
    assert answer.headers["Set-Cookie"].startswith("mark=1")
    assert answer.names == ["number"] * 3 + ["sse:end"]


def test_a_middleware_that_wraps_the_stream_sees_it(way):
    answer = fetch(way, Numbers.as_view(), middleware=[f"{__name__}.shout"])
    assert answer.body.count(b"EVENT: NUMBER\n") == 3


@pytest.mark.django_db(transaction=True)
def test_the_setting_that_saves_the_session_with_every_request_works(way):
    cookie = session_cookie(make_user())
    answer = fetch(way, Numbers.as_view(), headers={"Cookie": cookie}, SESSION_SAVE_EVERY_REQUEST=True)
    assert answer.headers["Set-Cookie"].startswith(cookie)
    assert answer.names == ["number"] * 3 + ["sse:end"]


def test_a_conditional_get_returns_the_stream(way):
    answer = fetch(
        way,
        Numbers.as_view(),
        headers={"If-None-Match": "*", "If-Modified-Since": "Wed, 01 Jan 2098 00:00:00 GMT"},
        middleware=["django.middleware.http.ConditionalGetMiddleware"],
    )
    assert (answer.status, "ETag" in answer.headers) == (200, False)
    assert answer.names == ["number"] * 3 + ["sse:end"]


def ask_behind_the_cache(way, view, method="GET"):
    return fetch(
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
    """Return a view and the methods with which it was mounted."""
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


def test_another_response_of_a_stream_view_is_only_cached_if_its_headers_allow_it(way):
    view, _ = counted(lambda number: JsonResponse({"number": number}))
    assert [ask_behind_the_cache(way, view).body for _ in range(2)] == [b'{"number": 1}', b'{"number": 2}']
    view, _ = counted(lambda number: JsonResponse({"number": number}, headers={"Cache-Control": "max-age=60"}))
    assert [ask_behind_the_cache(way, view).body for _ in range(2)] == [b'{"number": 1}', b'{"number": 1}']


def gunzip(chunks):
    decoder = zlib.decompressobj(wbits=31)
    return b"".join(decoder.decompress(chunk) for chunk in chunks)


def test_a_compressed_stream_arrives_event_by_event(way):
    view, notes = endless()
    answer = fetch(
        way,
        view,
        headers={"Accept-Encoding": "gzip"},
        middleware=["django.middleware.gzip.GZipMiddleware"],
        until=lambda chunks: b"data: first\n\n" in gunzip(chunks),
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert notes == ["started", "finally"]


def test_a_compressed_stream_ends_completely(way):
    answer = fetch(
        way,
        Numbers.as_view(),
        headers={"Accept-Encoding": "gzip"},
        middleware=["django.middleware.gzip.GZipMiddleware"],
    )
    decoder = zlib.decompressobj(wbits=31)
    events = decode(decoder.decompress(answer.body).decode())
    assert [event.event for event in events] == ["number"] * 3 + ["sse:end"]
    assert decoder.eof
