"""Any request gets the headers and frames of the view: no input breaks a stream or injects into it."""

import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.sse import SSEView

from .streams import WAYS, decode, fetch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("way", WAYS)]

ORIGIN = "https://app.example"
KNOWN_HEADERS = {
    *("content-type", "cache-control", "x-accel-buffering", "sse-keepalive", "vary", "content-language"),
    *("content-encoding", "set-cookie", "content-length", "allow", "etag", "x-frame-options"),
    *("access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers"),
    *("access-control-allow-methods", "access-control-allow-headers", "access-control-max-age"),
}
MIDDLEWARE = {
    "middleware": ["django.middleware.gzip.GZipMiddleware", "django.middleware.http.ConditionalGetMiddleware"],
    "inner": ["django.middleware.locale.LocaleMiddleware"],
}
INJECTION = b"1\r\n\r\nevent: injected\rdata: injected\n\nid: 7\r\nX-Injected: 1\r\n\0"

garbage = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([INJECTION[n : n + 9] for n in range(0, 60, 6)]), max_size=8).map(b"".join),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(min_size=1, max_size=4).map(lambda part: part * 20_000),
)
NAMES = {
    "Last-Event-ID": garbage | st.integers().map(lambda number: str(number).encode()),
    "Origin": garbage | st.sampled_from([ORIGIN.encode(), ORIGIN.encode() + INJECTION, b"null"]),
    "Cookie": garbage | garbage.map(lambda value: b"sessionid=" + value + b"; csrftoken=" + value),
    "Accept": garbage,
    "Accept-Encoding": garbage | st.just(b"gzip"),
    "Accept-Language": garbage,
    "Access-Control-Request-Method": garbage | st.just(b"GET"),
    "Access-Control-Request-Headers": garbage,
    "Authorization": garbage,
    # Django fails before any view if Content-Type has more than 10,000 characters.
    "Content-Type": garbage.map(lambda value: value[:1000]),
    "If-Modified-Since": garbage,
    "If-None-Match": garbage,
    "Range": garbage,
    "Referer": garbage,
    "User-Agent": garbage,
    "X-Forwarded-For": garbage,
}
headers = st.fixed_dictionaries({}, optional=NAMES)
queries = garbage | st.lists(garbage, max_size=5).map(b"&".join) | st.just(b"a=1&" * 2000)


class Echo(SSEView):
    """Sends the request back."""

    sse_cors = True
    sse_cors_origins = [ORIGIN]

    async def mount(self, request, last_event_id):
        self.sent = [last_event_id, *request.GET.lists(), *request.COOKIES.items(), *request.headers.items()]
        if last_event_id is not None and self.event_id is int:
            int(last_event_id)

    async def stream(self, request):
        yield self.event("echo", self.sent)
        yield self.event("echo", [request.META.get("QUERY_STRING")])
        for part in self.sent:
            yield self.push_text("#sent", str(part))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS"]), headers, queries, st.sampled_from([int, str]))
def test_no_request_breaks_a_stream_or_injects_headers_or_frames(way, method, headers, query, event_id):
    answer = fetch(way, Echo.as_view(event_id=event_id), method, headers=headers, query=query, **MIDDLEWARE)

    assert answer.status in (200, 204, 400)
    assert set(answer.headers) <= KNOWN_HEADERS
    assert not any(breaker in value for value in answer.headers.values() for breaker in "\r\n\0")
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    assert allowed in (None, ORIGIN)
    assert allowed is None or headers.get("Origin") == ORIGIN.encode()

    if (answer.status, method) == (200, "GET"):
        body = answer.body
        if "Content-Encoding" in answer.headers:
            body = zlib.decompress(body, wbits=31)
        names = [event.event for event in decode(body.decode())]
        opening = ["sse:reset"] if names[0] == "sse:reset" else []
        assert names[: len(opening) + 2] == [*opening, "echo", "echo"]
        assert set(names[len(opening) + 2 : -1]) <= {"text"}
        assert names[-1] == "sse:end"
    else:
        assert b"event:" not in answer.body
