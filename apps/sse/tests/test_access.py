"""Django's access mixins, decorators and `mount()` decide before the first byte who may open a stream."""

import asyncio
import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin, UserPassesTestMixin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View

from apps.sse import SSEMixin, SSEView, aclose_streams

from .streams import WAYS, fetch, make_user, session_cookie

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("way", WAYS)]


class Hello(SSEView):
    """Greets the user that `mount()` has seen."""

    async def mount(self, request, last_event_id):
        self.name = request.user.get_username()

    async def stream(self, request):
        yield self.event("hello", f"hello {self.name}")


class MembersOnly(LoginRequiredMixin, Hello):
    pass


class Permitted(PermissionRequiredMixin, Hello):
    permission_required = "auth.view_group"


class ForStaff(UserPassesTestMixin, Hello):
    def test_func(self):
        return self.request.user.groups.filter(name="staff").exists()


@method_decorator(login_required, name="dispatch")
class Decorated(Hello):
    pass


class MixedIn(LoginRequiredMixin, SSEMixin, View):
    async def get(self, request):
        return self.sse_response(self.hello(request.user.get_username()))

    async def hello(self, name):
        yield self.event("hello", f"hello {name}")


class MixedIntoSync(LoginRequiredMixin, SSEMixin, View):
    def get(self, request):
        return self.sse_response(self.hello(request.user.get_username()))

    async def hello(self, name):
        yield self.event("hello", f"hello {name}")


GUARDED = {
    "LoginRequiredMixin": MembersOnly.as_view(),
    "PermissionRequiredMixin": Permitted.as_view(),
    "UserPassesTestMixin": ForStaff.as_view(),
    "login_required": login_required(Hello.as_view()),
    "permission_required": permission_required("auth.view_group")(Hello.as_view()),
    "method_decorator": Decorated.as_view(),
    "SSEMixin": MixedIn.as_view(),
    "SSEMixin, sync": MixedIntoSync.as_view(),
}
guarded = pytest.mark.parametrize("view", GUARDED.values(), ids=GUARDED)


@guarded
def test_a_visitor_is_redirected_to_the_login(way, view):
    answer = fetch(way, view)
    assert (answer.status, answer.headers["Location"]) == (302, "/login/?next=/stream/")


@guarded
def test_a_permitted_user_gets_the_stream(way, view):
    user = make_user()
    user.groups.add(Group.objects.create(name="staff"))
    user.user_permissions.add(Permission.objects.get(codename="view_group"))
    answer = fetch(way, view, headers={"Cookie": session_cookie(user)})
    assert answer.status == 200
    assert [event.data for event in answer.events] == ["hello ada", "{}"]


class Refusing(Hello):
    async def mount(self, request, last_event_id):
        raise PermissionDenied("not today")


def no_stream(request):
    raise PermissionDenied


REFUSING = {
    "PermissionRequiredMixin": Permitted.as_view(),
    "UserPassesTestMixin": ForStaff.as_view(),
    "permission_required": permission_required("auth.view_group", raise_exception=True)(Hello.as_view()),
    "mount, with CORS": Refusing.as_view(sse_cors=True),
    "a view that is no stream": no_stream,
}


@pytest.mark.parametrize("view", REFUSING.values(), ids=REFUSING)
def test_the_refusal_of_a_user_is_one_line_in_the_log(way, view, caplog):
    answer = fetch(way, view, headers={"Cookie": session_cookie(make_user())})
    [record] = caplog.records
    assert (answer.status, record.name, record.levelname) == (403, "django.request", "WARNING")
    assert record.getMessage() == "Forbidden (Permission denied): /stream/"
    assert bool(record.exc_info) == (view is no_stream)


def test_setup_and_decorators_see_a_loaded_user(way):
    class Named(Hello):
        def setup(self, request, *args, **kwargs):
            super().setup(request, *args, **kwargs)
            self.first = request.user.get_username()

        async def stream(self, request):
            yield self.event("hello", self.first)

    answer = fetch(way, Named.as_view(), headers={"Cookie": session_cookie(make_user())})
    assert answer.events[0].data == "ada"


def test_the_session_can_be_read_and_written_in_mount(way):
    class Counter(SSEView):
        async def mount(self, request, last_event_id):
            request.session["visits"] = request.session["visits"] + 1
            self.visits = request.session["visits"]

        async def stream(self, request):
            yield self.event("visits", self.visits)

    cookie = session_cookie(visits=4)
    answers = [fetch(way, Counter.as_view(), headers={"Cookie": cookie}) for _ in range(2)]
    assert [answer.events[0].data for answer in answers] == ["5", "6"]


def test_the_session_can_be_read_in_mount_without_the_authentication_middleware(way):
    class Reader(SSEView):
        async def mount(self, request, last_event_id):
            self.color = request.session["color"]

        async def stream(self, request):
            yield self.event("color", self.color)

    answer = fetch(
        way,
        Reader.as_view(),
        headers={"Cookie": session_cookie(color="red")},
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    )
    assert answer.events[0].data == "red"


def test_a_synchronous_mount_may_query(way):
    class Sync(SSEView):
        def mount(self, request, last_event_id):
            self.users = get_user_model().objects.count()

        async def stream(self, request):
            yield self.event("users", self.users)

    cookie = session_cookie(make_user())
    assert fetch(way, Sync.as_view(), headers={"Cookie": cookie}).events[0].data == "1"


def test_a_stream_works_with_atomic_requests(way, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    answer = fetch(way, login_required(Hello.as_view()), headers={"Cookie": session_cookie(make_user())})
    assert answer.status == 200


def mounted(outcome):
    """Return a view whose mount() returns or raises `outcome`, and the calls of its stream()."""
    calls = []

    class Mounted(SSEView):
        async def mount(self, request, last_event_id):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        async def stream(self, request):
            calls.append("stream")
            yield self.event("never", 1)

    return Mounted.as_view(), calls


@pytest.mark.parametrize(("error", "status"), [(PermissionDenied(), 403), (Http404("no such room"), 404)])
def test_an_exception_of_mount_that_refuses_gets_djangos_error_page(way, error, status):
    view, calls = mounted(error)
    answer = fetch(way, view)
    assert answer.status == status
    assert "event-stream" not in answer.headers["Content-Type"]
    assert calls == []


@pytest.mark.parametrize(
    "response",
    [HttpResponseRedirect("/elsewhere/"), HttpResponse(status=204), JsonResponse({"full": True}, status=503)],
    ids=["redirect", "204", "JSON"],
)
def test_a_response_of_mount_is_sent(way, response):
    view, calls = mounted(response)
    answer = fetch(way, view)
    assert (answer.status, answer.body) == (response.status_code, response.content)
    assert calls == []


def test_another_return_value_of_mount_is_an_error_that_names_it(way, caplog):
    view, _ = mounted({"full": True})
    assert fetch(way, view).status == 500
    assert "Mounted.mount() must return a response or None, not {'full': True}" in caplog.text


def test_an_exception_in_mount_is_a_500_and_logged_once(way, caplog):
    view, calls = mounted(RuntimeError("the secret reason"))
    answer = fetch(way, view)
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert [r.levelname for r in caplog.records] == ["ERROR"]
    assert "RuntimeError: the secret reason" in caplog.text
    assert calls == []


def test_mount_gets_the_arguments_of_the_url(way):
    class Room(SSEView):
        async def mount(self, request, last_event_id, room, topic="none"):
            self.held = [last_event_id, room, topic]

        async def stream(self, request):
            yield self.event("held", self.held)

    answer = fetch(way, Room.as_view(), route="<int:room>/<topic>/", url="/7/tea/", headers={"Last-Event-ID": "3"})
    assert json.loads(answer.events[0].data) == ["3", 7, "tea"]


@pytest.mark.parametrize("name", ["test_func", "has_permission"])
def test_an_async_access_test_is_refused_at_start(way, name):
    async def no(self):
        return False

    view = type("Open", (UserPassesTestMixin, Hello), {name: no})
    with pytest.raises(TypeError, match=rf"Open.{name}\(\) is `async def`"):
        view.as_view()


def test_a_stream_belongs_to_the_user_that_mount_has_found(way):
    class ByToken(SSEView):
        async def mount(self, request, last_event_id):
            request.user = user

        async def stream(self, request):
            await aclose_streams(user=user)
            await asyncio.sleep(5)
            yield self.event("hello", "still open")

    user = make_user()
    assert fetch(way, ByToken.as_view()).chunks[-1].startswith(b"retry: ")
