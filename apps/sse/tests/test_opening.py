"""What it costs to open a stream: queries, changes of thread, and threads."""

import asyncio
import gc
import json
import threading
from unittest import mock

import httpx
import pytest
from asgiref.sync import AsyncToSync, SyncToAsync
from django.contrib.auth import get_user_model
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from django.http import HttpResponse, QueryDict
from django.urls import path
from django.views import View

from apps.sse import SSEMixin, SSEView, asgi
from apps.sse.access.limits import connection_counts
from apps.sse.servers.asgi import HeldRequest

from .followers import until
from .streams import fetch, make_user, session_cookie

queries = []


class News(SSEView):
    channels = ("news",)


class ViewFirst(View, SSEMixin):
    sse_retry_ms = "soon"

    async def get(self, request):
        return self.sse_response(numbers())


async def numbers():
    yield "data: 1\n\n"


def counting_queries(get_response):
    def note(execute, sql, *args):
        queries.append(sql)
        return execute(sql, *args)

    def middleware(request):
        with connection.execute_wrapper(note):
            return get_response(request)

    return middleware


def counted(owner, name):
    return mock.patch.object(owner, name, autospec=True, side_effect=getattr(owner, name))


@pytest.mark.django_db(transaction=True)
def test_opening_changes_to_a_thread_twice_and_sends_two_queries(settings):
    settings.SSE_BROKER_URL = "memory://"
    middleware = [f"{__name__}.counting_queries", *settings.MIDDLEWARE]
    cookie = session_cookie(make_user())
    queries.clear()
    with counted(SyncToAsync, "thread_handler") as to_thread, counted(AsyncToSync, "main_wrap") as to_loop:
        answer = fetch(
            "hand-off",
            News.as_view(),
            headers={"Cookie": cookie},
            until=lambda chunks: chunks,
            MIDDLEWARE=middleware,
        )
    assert answer.status == 200
    # The middleware with the view, and the end of the response. The first stream may wait until the log is followed.
    assert to_thread.call_count == 2
    assert to_loop.call_count <= 1
    assert len(queries) == 2, queries


def changing(get_response):
    def middleware(request):
        request.COOKIES["added"] = "yes"
        request.GET = QueryDict("q=2")
        return get_response(request)

    return middleware


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("inner", "q", "cookies"), [([], "1", 1), ([f"{__name__}.changing"], "2", 2)])
def test_an_open_stream_reads_its_request_and_keeps_nothing_that_only_the_response_needed(inner, q, cookies):
    kept = {}

    class Reading(SSEView):
        async def stream(self, request):
            kept.update(vars(request), kinds={type(each) for each in request.scope.values()})
            user, session, match = request.user, request.session, request.resolver_match
            yield self.event("user", [user.username, user == await request.auser(), session["seen"]])
            yield self.event("sent", [request.GET["q"], request.headers["X-Kind"], len(request.COOKIES)])
            yield self.event("url", [match.route, match.url_name, request.META["QUERY_STRING"]])
            request.read()

    answer = fetch(
        "hand-off",
        Reading.as_view(),
        headers={"Cookie": session_cookie(make_user(), seen=True), "X-Kind": "kind"},
        query=b"q=1",
        inner=["django.contrib.messages.middleware.MessageMiddleware", *inner],
        DEBUG=True,
    )
    assert [json.loads(event.data) for event in answer.events] == [
        ["ada", True, True],
        [q, "kind", cookies],
        ["stream/", None, "q=1"],
        {"message": "ValueError: I/O operation on closed file."},
    ]
    assert HeldRequest not in kept["kinds"]
    assert kept["resolver_match"].tried is None
    assert type(kept["user"]) is get_user_model()
    assert kept.keys() & {"headers", "_messages"} == set()
    assert (kept.keys() & {"COOKIES", "GET"} != set()) == bool(inner)


@pytest.fixture
def serve(settings):
    """Return the application that serves one view."""

    def application(view):
        settings.ROOT_URLCONF, settings.MIDDLEWARE = (path("", view),), []
        return asgi.hand_off(ASGIHandler())

    return application


async def get(application):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application)) as client:
        return await client.get("http://testserver/")


async def test_requests_one_after_the_other_use_the_same_thread(serve):
    application = serve(lambda request: HttpResponse(str(threading.get_ident())))
    assert len({(await get(application)).text for _ in range(3)}) == 1


async def test_after_many_requests_at_once_a_few_idle_threads_stay(serve):
    everyone = threading.Barrier(asgi.MAX_IDLE_THREADS + 3)

    def wait(request):
        everyone.wait(10)
        return HttpResponse()

    application = serve(wait)
    before = count_request_threads()
    await asyncio.gather(*(get(application) for _ in range(everyone.parties)))
    await until(lambda: count_request_threads() - before <= asgi.MAX_IDLE_THREADS)


def count_request_threads():
    return sum(thread.name.startswith("sse-request") for thread in threading.enumerate())


@pytest.mark.parametrize("way", ["hand-off", "WSGI"])
def test_an_error_while_opening_does_not_leave_the_stream_counted(way):
    before = connection_counts.counts["SSE_MAX_TOTAL"].total()
    assert fetch(way, ViewFirst.as_view()).status == 500
    assert connection_counts.counts["SSE_MAX_TOTAL"].total() == before


def test_garbage_collections_leave_out_what_was_loaded_before_the_first_request():
    gc.unfreeze()
    asgi.hand_off(ASGIHandler())
    assert gc.get_freeze_count() > 10_000


def answering(get_response):
    class Words(SSEView):
        async def stream(self, request):
            yield self.event("word", "hello")

    return Words.as_view()


@pytest.mark.django_db(transaction=True)
def test_a_middleware_can_answer_with_a_stream_before_a_url_is_resolved():
    assert fetch("hand-off", SSEView.as_view(), inner=[f"{__name__}.answering"]).names == ["word", "sse:end"]
