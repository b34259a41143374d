"""Which pages of other origins may read a stream, by the Fetch standard's CORS protocol."""

import pytest
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View

from apps.sse import SSEMixin, SSEView

from .streams import WAYS, fetch

pytestmark = pytest.mark.parametrize("way", WAYS)

ORIGIN = "https://app.example"
ORIGINS = [ORIGIN, "http://localhost:8000"]
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "cache-control,last-event-id",
}
STRANGERS = [
    "null",
    "*",
    "",
    "https://evil.example",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example:443",
    "https://app.example/",
    "HTTPS://APP.EXAMPLE",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://app.exampl",
    "https://app.example, https://evil.example",
    "https://sub.app.example",
    "http://localhost:80001",
]


class Stream(SSEView):
    async def stream(self, request):
        yield self.event("number", 1)


class MembersOnly(LoginRequiredMixin, Stream):
    pass


@method_decorator(login_required, name="dispatch")
class Decorated(Stream):
    pass


class MixedIn(LoginRequiredMixin, SSEMixin, View):
    async def get(self, request):
        return self.sse_response(self.numbers())

    async def numbers(self):
        yield self.event("number", 1)


class MixedIntoSync(LoginRequiredMixin, SSEMixin, View):
    def get(self, request):
        return self.sse_response(self.numbers())

    async def numbers(self):
        yield self.event("number", 1)


def cors(answer):
    """Return the CORS headers of an answer, without their prefix."""
    prefix = "access-control-"
    return {name.removeprefix(prefix): v for name, v in answer.headers.items() if name.startswith(prefix)}


def varies(answer):
    return [name.strip() for name in answer.headers.get("Vary", "").split(",")]


def test_no_other_origin_is_allowed_by_default(way):
    for method in ("GET", "OPTIONS"):
        answer = fetch(way, Stream.as_view(), method, headers=PREFLIGHT)
        assert cors(answer) == {}
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("origin", [ORIGIN, "null", None])
def test_every_origin_is_allowed_without_cookies(way, origin):
    answer = fetch(way, Stream.as_view(sse_cors=True), headers={"Origin": origin} if origin else {})
    assert cors(answer) == {"allow-origin": "*", "expose-headers": "Retry-After, SSE-Joinable, SSE-Keepalive"}
    assert answer.names == ["number", "sse:end"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_listed_origin_is_allowed_with_cookies(way, origin):
    answer = fetch(way, Stream.as_view(sse_cors=True, sse_cors_origins=ORIGINS), headers={"Origin": origin})
    assert cors(answer) == {
        "allow-origin": origin,
        "allow-credentials": "true",
        "expose-headers": "Retry-After, SSE-Joinable, SSE-Keepalive",
    }
    assert "Origin" in varies(answer)


@pytest.mark.parametrize("origin", [*STRANGERS, None])
def test_an_unlisted_origin_gets_no_cors_headers_and_caches_keep_the_origins_apart(way, origin):
    view = Stream.as_view(sse_cors=True, sse_cors_origins=ORIGINS)
    given = {} if origin is None else {"Origin": origin}
    for method, headers in [("GET", given), ("OPTIONS", {**PREFLIGHT, "Origin": origin or "null"})]:
        answer = fetch(way, view, method, headers=headers)
        assert cors(answer) == {}
        assert "Origin" in varies(answer)


def test_an_empty_list_allows_no_origin(way):
    answer = fetch(way, Stream.as_view(sse_cors=True, sse_cors_origins=[]), headers={"Origin": ORIGIN})
    assert cors(answer) == {}


@pytest.mark.parametrize(
    "view", [Stream, MembersOnly, Decorated, MixedIn, MixedIntoSync], ids=lambda view: view.__name__
)
def test_a_preflight_needs_no_login(way, view):
    answer = fetch(way, view.as_view(sse_cors=True, sse_cors_origins=ORIGINS), "OPTIONS", headers=PREFLIGHT)
    assert (answer.status, answer.body) == (204, b"")
    assert cors(answer) == {
        "allow-origin": ORIGIN,
        "allow-credentials": "true",
        "allow-methods": "GET",
        "allow-headers": "Last-Event-ID, Cache-Control",
        "max-age": "600",
    }


def test_a_preflight_of_any_origin_is_allowed_without_cookies(way):
    answer = fetch(way, Stream.as_view(sse_cors=True), "OPTIONS", headers=PREFLIGHT)
    assert cors(answer)["allow-origin"] == "*"
    assert "allow-credentials" not in cors(answer)


def test_options_without_a_preflight_lists_the_allowed_methods(way):
    answer = fetch(way, Stream.as_view(sse_cors=True), "OPTIONS", headers={"Origin": ORIGIN})
    assert (answer.status, answer.headers["Allow"]) == (200, "GET, HEAD, OPTIONS")


class Refusing(SSEView):
    async def mount(self, request, last_event_id):
        raise PermissionDenied


class Missing(SSEView):
    async def mount(self, request, last_event_id):
        raise Http404


class RefusingSync(SSEMixin, View):
    def get(self, request):
        raise PermissionDenied


@pytest.mark.parametrize(("view", "status"), [(Refusing, 403), (Missing, 404), (RefusingSync, 403)])
def test_the_page_can_read_the_status_of_a_refusal(way, view, status):
    answer = fetch(way, view.as_view(sse_cors=True, sse_cors_origins=ORIGINS), headers={"Origin": ORIGIN})
    assert answer.status == status
    assert cors(answer)["allow-origin"] == ORIGIN


def test_the_page_can_read_the_status_and_retry_after_of_a_response_of_mount(way):
    class Full(Stream):
        async def mount(self, request, last_event_id):
            return HttpResponse(status=503, headers={"Retry-After": "7"})

    answer = fetch(way, Full.as_view(sse_cors=True, sse_cors_origins=ORIGINS), headers={"Origin": ORIGIN})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert cors(answer)["allow-origin"] == ORIGIN
    assert "Retry-After" in cors(answer)["expose-headers"]


def test_the_page_can_read_that_its_method_is_wrong(way):
    answer = fetch(way, Stream.as_view(sse_cors=True), "POST", headers={"Origin": ORIGIN})
    assert (answer.status, cors(answer)["allow-origin"]) == (405, "*")


def sent_from(site, origin=None):
    return {"Sec-Fetch-Site": site, **({"Origin": origin} if origin else {})}


@pytest.mark.parametrize("view", [Stream, MembersOnly, MixedIn, MixedIntoSync], ids=lambda view: view.__name__)
def test_a_stream_for_a_page_of_another_site_is_refused_before_any_query(way, view):
    known = {"Cookie": "sessionid=anything"}
    if "Mixed" in view.__name__:
        # Views with pages refuse only the stream.
        view, known = type("Public", (view,), {"dispatch": View.dispatch}), {}
    answer = fetch(way, view.as_view(), headers=sent_from("cross-site", ORIGIN) | known)
    assert (answer.status, answer.headers["Cache-Control"]) == (403, "no-store")
    assert b"sse_cors = True" in answer.body


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", ""])
def test_pages_of_the_same_site_typed_addresses_and_other_clients_get_a_stream(way, site):
    answer = fetch(way, Stream.as_view(), headers=sent_from(site) if site else {})
    assert answer.names == ["number", "sse:end"]


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [(None, "https://evil.example", 200), (ORIGINS, ORIGIN, 200), (ORIGINS, "https://evil.example", 403),
     (ORIGINS, None, 403), ([], ORIGIN, 403)],
)  # fmt: skip
def test_pages_of_other_sites_get_a_stream_if_cors_allows_their_origin(way, origins, origin, status):
    view = Stream.as_view(sse_cors=True, sse_cors_origins=origins)
    assert fetch(way, view, headers=sent_from("cross-site", origin)).status == status


def test_another_site_may_link_to_a_page_that_can_stream(way):
    class Page(SSEMixin, View):
        async def get(self, request):
            return HttpResponse("a page")

    assert fetch(way, Page.as_view(), headers=sent_from("cross-site")).body == b"a page"


class Translate:
    """A middleware with its own response to exceptions."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error):
        return HttpResponse(status=418)


def test_the_middleware_handles_an_exception_in_a_view_without_cors(way):
    assert fetch(way, Refusing.as_view(), inner=[f"{__name__}.Translate"]).status == 418


@pytest.mark.parametrize(
    "origins", [ORIGIN, ["null"], ["*"], ["app.example"], [f"{ORIGIN}/"], ["https://App.example"]]
)
def test_origins_that_no_browser_sends_are_refused_at_start(way, origins):
    with pytest.raises(ImproperlyConfigured, match="sse_cors_origins"):
        Stream.as_view(sse_cors=True, sse_cors_origins=origins)
