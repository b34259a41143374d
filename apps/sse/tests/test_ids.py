"""Ids go on where a client left off; what is none of ours is said."""

import pytest

from apps.sse import SSEView

from .streams import WAYS, ask

pytestmark = pytest.mark.parametrize("way", WAYS)


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
