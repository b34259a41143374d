"""Ids continue after the client's last id; an id that the view cannot have sent causes a reset."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import UUIDField

from apps.sse import Position, SSEView

from .streams import WAYS, fetch

pytestmark = pytest.mark.parametrize("way", WAYS)


class Echo(SSEView):
    """Sends the id that `mount()` got, with an automatic id."""

    async def mount(self, request, last_event_id):
        self.seen = last_event_id

    async def stream(self, request):
        yield self.event("seen", {"id": self.seen, "again": self.get_last_event_id(request)})


def echo(way, sent, **attributes):
    answer = fetch(way, Echo.as_view(**attributes), headers={} if sent is None else {"Last-Event-ID": sent})
    assert answer.status == 200
    assert answer.events.pop().event == "sse:end"
    return answer.events[:-1]


def test_a_client_without_an_id_starts_at_one(way):
    (seen,) = echo(way, None)
    assert (seen.id, seen.json()) == ("1", {"id": None, "again": None})


def test_automatic_ids_continue_after_the_last_one(way):
    (seen,) = echo(way, "41")
    assert (seen.id, seen.json()) == ("42", {"id": "41", "again": "41"})


UNSENDABLE = [
    "x" * 257,
    "1" * 5_000,
    "1" * 70_000,
    b"\xff\xfe",
    b"caf\xe9",
    b"\x801",
    "a\x01b",
    "x\x7f",
    " a",
    "sse:x",
]
NO_INTEGERS = ["forty-one", "-1", "1.0", "1e3", " 1", "1;drop", "٣", "²", "9" * 19, *UNSENDABLE]


@pytest.mark.parametrize(
    ("sent", "kind"), [(sent, int) for sent in NO_INTEGERS] + [(sent, str) for sent in UNSENDABLE], ids=ascii
)
def test_an_id_that_the_view_cannot_have_sent_is_none_for_mount_and_one_reset_for_the_client(way, sent, kind):
    reset, seen = echo(way, sent, event_id=kind)
    assert (reset.event, reset.id, reset.json()) == ("sse:reset", "", {"reason": "unknown-id"})
    assert (seen.id, seen.json()) == ("1", {"id": None, "again": None})


SENDABLE = [
    "evt-42", "1bd3d9de-4ae5-4a9d-8e2a-6b7c1a3d0f55", "voilà", "日本", "👩‍👩‍👧", "a b", "7", "-1", "é" * 256, "\u2028", "a:b"
]  # fmt: skip


@pytest.mark.parametrize("id", SENDABLE, ids=ascii)
def test_an_id_comes_back_as_it_was_sent(way, id):
    class Ids(Echo):
        async def stream(self, request):
            yield self.event("seen", {"id": self.seen}, id=id)

    (seen, _) = fetch(way, Ids.as_view()).events
    (again, _) = fetch(way, Ids.as_view(), headers={"Last-Event-ID": seen.id}).events
    assert (again.json(), again.id) == ({"id": id}, id)


def test_the_id_may_be_in_the_url_if_the_header_is_absent(way):
    def seen(query, **headers):
        return fetch(way, Echo.as_view(), query=query, headers=headers).events[-2].json()["id"]

    assert seen(b"lastEventId=voil%C3%A0") == "voilà"
    assert seen(b"lastEventId=1", **{"Last-Event-ID": "2"}) == "2"
    assert seen(b"lastEventId=1", **{"Last-Event-ID": ""}) is None


@pytest.mark.parametrize("kind", [int, str])
def test_automatic_ids_start_again_after_the_largest(way, kind):
    (seen,) = echo(way, "9" * 18, event_id=kind)
    assert (seen.id, seen.json()["id"]) == ("1", "9" * 18)


class Resuming(SSEView):
    """Calls `int()` on the id, like the specification's example."""

    def dispatch(self, request, *args, **kwargs):
        self.name = kwargs.get("name")
        return super().dispatch(request, *args, **kwargs)

    async def mount(self, request, last_event_id, *args, **kwargs):
        self.steps = [*getattr(self, "steps", []), last_event_id]
        self.resume_from = int(last_event_id) if last_event_id else 0

    async def stream(self, request):
        yield self.event("from", [self.resume_from, self.steps, self.name])


class ResumingInStream(Resuming):
    """Calls `int()` in `stream()`, after a comment."""

    async def mount(self, request, last_event_id, *args, **kwargs):
        self.steps = [*getattr(self, "steps", []), last_event_id]

    async def stream(self, request):
        yield self.keepalive()
        self.resume_from = int(self.get_last_event_id(request) or 0)
        async for event in super().stream(request):
            yield event


class ResumingBeforeStream(ResumingInStream):
    """Calls `int()` before the generator exists."""

    def stream(self, request):
        int(self.get_last_event_id(request) or 0)
        return super().stream(request)


RESUMING = [Resuming, ResumingInStream, ResumingBeforeStream]


@pytest.mark.parametrize("view", RESUMING)
@pytest.mark.parametrize(("sent", "number"), [("41", 41), ("-1", -1), ("9" * 18, int("9" * 18))])
def test_an_id_that_int_accepts_is_passed_on(way, view, sent, number):
    (event, end) = fetch(way, view.as_view(), headers={"Last-Event-ID": sent}).events
    assert (event.json(), end.event) == ([number, [sent], None], "sse:end")


@pytest.mark.parametrize("view", RESUMING)
@pytest.mark.parametrize("sent", ["abc", "12-0123abcd", "1.5", "9" * 5_000, "é"], ids=ascii)
def test_an_id_that_int_refuses_causes_one_reset_and_a_new_view(way, view, sent, caplog):
    answer = fetch(
        way, view.as_view(), headers={"Last-Event-ID": sent.encode()}, route="<str:name>/", url="/stream/"
    )
    reset, event, end = answer.events
    assert answer.status == 200
    assert (reset.event, reset.id, reset.json()) == ("sse:reset", "", {"reason": "unknown-id"})
    assert (event.json(), event.id, end.event) == ([0, [None], "stream"], "1", "sse:end")
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == (len(sent) < 256), "what event() could not have sent never reaches the view"
    assert all(view.__name__ in record.getMessage() and sent in record.getMessage() for record in warnings)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


class ResumingFromDatabase(Resuming):
    """Calls `int()` on the id and queries with the result."""

    async def stream(self, request):
        yield self.event("none", await sync_to_async(one_if)(self.resume_from))


class ResumingFromUUID(Resuming):
    """Lets a model field parse the id."""

    async def mount(self, request, last_event_id, *args, **kwargs):
        self.resume_from = UUIDField().to_python(last_event_id)

    async def stream(self, request):
        yield self.event("none", self.resume_from)


def one_if(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 WHERE %s > 0", [number])
        return cursor.fetchone()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("view", "sent"),
    [(ResumingFromDatabase, "9" * 30), (ResumingFromDatabase, "-" + "9" * 19), (ResumingFromUUID, "x")],
)
def test_an_id_that_int_accepts_and_the_database_refuses_causes_one_reset_and_a_new_view(way, view, sent):
    reset, event, end = fetch(way, view.as_view(), headers={"Last-Event-ID": sent}).events
    assert (reset.event, reset.json()) == ("sse:reset", {"reason": "unknown-id"})
    assert (event.json(), end.event) == (None, "sse:end")


@pytest.mark.parametrize("sent", [None, "7", "abc"])
def test_a_value_error_with_another_cause_is_an_error(way, sent, caplog):
    class Broken(Resuming):
        async def mount(self, request, last_event_id, *args, **kwargs):
            raise ValueError("of another cause")

    answer = fetch(way, Broken.as_view(), headers={} if sent is None else {"Last-Event-ID": sent})
    assert answer.status == 500
    assert "of another cause" in caplog.text


@pytest.mark.parametrize("sent", [None, "7", "abc"])
def test_a_value_error_in_the_middle_of_a_stream_is_an_error(way, sent):
    class Broken(Echo):
        async def stream(self, request):
            yield self.event("first", 1)
            raise ValueError("of another cause")

    answer = fetch(way, Broken.as_view(), headers={} if sent is None else {"Last-Event-ID": sent})
    assert answer.names == ["first", "sse:error"]


@pytest.mark.parametrize(
    ("kind", "id", "ids"),
    [(int, "evt-1", "int"), (int, -1, "int"), (Position, 7, "Position"), (str, "sse:end", "'sse:'")],
)
def test_an_id_that_the_client_could_not_send_back_is_refused(way, kind, id, ids):
    class Sends(Echo):
        event_id = kind

        async def stream(self, request):
            with pytest.raises(ValueError, match=f"is not valid for this view. Its ids must be .*{ids}"):
                self.event("seen", 1, id=id)
            yield self.data_event("refused")

    assert fetch(way, Sends.as_view()).events[0].data == "refused"


class Finite(SSEView):
    async def stream(self, request):
        yield self.event("only", 1)


@pytest.mark.parametrize("auto_id", [True, False])
def test_a_client_that_received_the_end_gets_no_content(way, auto_id):
    view = Finite.as_view(auto_id=auto_id)
    answer = fetch(way, view)
    assert answer.names == ["only", "sse:end"]
    assert answer.events[-1].id == "sse:end"
    again = fetch(way, view, headers={"Last-Event-ID": "sse:end"})
    assert (again.status, again.body) == (204, b"")
