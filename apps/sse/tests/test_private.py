"""Streams are closed for a user or a session: by hand, and as Django's signals tell."""

import asyncio
import gc
import json
import logging
import threading

import pytest
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.contrib.sessions.models import Session
from django.core.signals import request_started
from django.db import connection, transaction
from django.test import Client as Browser
from django.test import RequestFactory

from apps.sse import SSEView, aclose_streams, close_streams
from apps.sse.access.revocation import close_view
from apps.sse.brokers import get_broker
from apps.sse.delivery import control
from apps.sse.stream import recent_revocations
from apps.sse.wire.events import Event
from tests.servers import wait_until

from .followers import until
from .opened import Opened, new_session
from .streams import WAYS, fetch, make_user, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)
User = auth.get_user_model()


def told():
    """Return what the processes have told each other."""
    return [(event.name, json.loads(event.text)) for event in get_broker().tail(100) if event.channel]


@pytest.fixture
def ada():
    return make_user(password="secret")


@pytest.fixture
def grace():
    return make_user("grace")


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_is_closed_however_it_is_served(ada, way):
    class Endless(SSEView):
        async def stream(self, request):
            while True:
                yield self.event("tick", "tock")
                await asyncio.sleep(0.01)

    def close(chunks):
        if chunks and not threads:
            threads.append(threading.Thread(target=close_elsewhere, args=[ada]))
            threads[0].start()

    threads = []
    answer = fetch(way, Endless.as_view(), headers={"Cookie": session_cookie(ada)}, until=close)
    assert answer.chunks[-1].startswith(b"retry: ")


@pytest.mark.parametrize("by", ["instance", "key"])
async def test_close_streams_ends_those_of_one_user(ada, by):
    async with Opened(ada) as stream, Opened(make_user("grace")) as other, Opened() as visitor:
        close_streams(user=ada if by == "instance" else ada.pk)
        await until(lambda: stream.is_ended)
        assert not other.is_ended
        assert not visitor.is_ended


async def test_close_streams_ends_those_of_one_session_and_does_not_tell_its_key(ada):
    keys = new_session(basket=1), new_session(basket=2)
    async with Opened(ada, keys[0]) as stream, Opened(ada, keys[1]) as other, Opened(key=keys[0]) as visitor:
        await aclose_streams(session=keys[0])
        await until(lambda: stream.is_ended and visitor.is_ended)
        assert not other.is_ended
    assert keys[0] not in repr(told())
    assert [name for name, _ in told()][-1] == "close"


async def test_in_a_transaction_streams_are_closed_when_it_commits(ada, grace):
    async with Opened(ada) as stream:
        with transaction.atomic():
            close_streams(user=ada)
            await everything_is_heard(grace)
            assert not stream.is_ended
            transaction.set_rollback(True)
        await everything_is_heard(grace)
        assert not stream.is_ended
        with transaction.atomic():
            close_streams(user=ada)
        await until(lambda: stream.is_ended)


WHILE_OPENING = {
    "the user's": lambda user, key: close_streams(user=user),
    "the session's": lambda user, key: close_streams(session=key),
    "the view's": lambda user, key: close_view("stream"),
    "a changed account": lambda user, key: user.set_password("another") or user.save(),
    "a lost permission": lambda user, key: user.user_permissions.clear(),
    "a group's lost permission": lambda user, key: user.groups.get().permissions.clear(),
}


@pytest.mark.parametrize("end", WHILE_OPENING.values(), ids=WHILE_OPENING)
async def test_a_stream_that_is_just_opening_is_closed_too_and_one_that_opens_later_is_not(ada, grace, end):
    key = new_session(basket=1)
    ada.user_permissions.add(Permission.objects.first())
    ada.groups.add(group := Group.objects.create(name="staff"))
    group.permissions.add(Permission.objects.first())
    await everything_is_heard(grace)
    opening = Opened(ada, key)
    end(ada, key)
    await everything_is_heard(grace)
    async with opening as stream, Opened(ada, key) as later:
        assert stream.outcome in {"access", "staff"}
        await everything_is_heard(grace)
        assert not later.is_ended


async def everything_is_heard(user):
    """Wait until this process has read what was published so far, by a stream of a user that is closed."""
    async with Opened(user) as stream:
        await asyncio.to_thread(close_elsewhere, user)
        await until(lambda: stream.is_ended)


def close_elsewhere(user):
    close_streams(user=user)
    connection.close()


async def test_the_first_stream_of_a_process_is_closed_by_what_was_published_while_it_opened(ada):
    opening = Opened(ada)
    close_streams(user=ada)
    async with opening as stream:
        await until(lambda: stream.is_ended)


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_is_closed_however_long_its_mount_takes(ada, way):
    class Slow(SSEView):
        def mount(self, request, last_event_id):
            before = recent_revocations.RequestStart.now().newest
            close_streams(user=ada)
            if way == "hand-off":
                assert wait_until(lambda: recent_revocations.RequestStart.now().newest is not before)

        async def stream(self, request):
            while True:
                yield self.event("tick", "tock")
                await asyncio.sleep(0.01)

    answer = fetch(way, Slow.as_view(), headers={"Cookie": session_cookie(ada)})
    assert answer.chunks[-1].startswith(b"retry: ")
    if way == "hand-off":
        assert answer.names == [], "it was closed before it began"


@pytest.mark.parametrize("kept_by", ["scope", "environ"])
def test_a_request_begins_before_any_middleware_reads_who_has_sent_it(kept_by):
    kept = {}
    [connected] = [
        call for _, call, *_ in request_started.receivers if call() is recent_revocations.on_request_started
    ]
    connected()(**{kept_by: kept})
    recent_revocations.add(lambda stream: False, "access")
    request = RequestFactory().get("/")
    setattr(request, "scope" if kept_by == "scope" else "META", kept)
    recent_revocations.ensure_start(request)
    assert len([*recent_revocations.take_start(request).newest.later()]) == 1


async def test_what_has_closed_streams_is_forgotten_when_no_request_that_began_before_is_opening(
    ada, grace, monkeypatch
):
    # What other tests have left may hold earlier ones.
    monkeypatch.setattr(recent_revocations, "_newest", recent_revocations.Revocation(lambda stream: False, ""))
    before = remembered()
    opening = Opened(ada)
    async with Opened(ada):
        for _ in range(3):
            await everything_is_heard(grace)
        assert remembered() >= before + 3
        async with opening:
            assert remembered() == before


def remembered():
    gc.collect()
    return sum(isinstance(each, recent_revocations.Revocation) for each in gc.get_objects())


async def test_a_log_that_was_replaced_ends_every_stream_since_closings_are_lost_with_it(ada):
    async with Opened(ada) as stream, Opened() as visitor:
        opening = Opened(ada)
        get_broker()._log = [Event(channel="", name="mark", text="", number=1)]
        close_streams(user=make_user("grace"))
        await until(lambda: stream.is_ended and visitor.is_ended)
        async with opening as other:
            assert (stream.outcome, other.outcome) == ("gap", "gap")


@pytest.mark.parametrize(
    "whose",
    [
        {},
        {"user": None},
        {"session": ""},
        {"user": AnonymousUser()},
        {"user": User(username="new")},
        {"user": 1, "session": "k"},
        {"user": 1, "session": ""},
    ],
    ids=["nobody", "no user", "an empty key", "a visitor", "an unsaved user", "both", "a user and an empty key"],
)
def test_close_streams_wants_to_know_whose(whose):
    with pytest.raises(TypeError, match="needs either a saved user"):
        close_streams(**whose)
    assert told() == []


def test_a_user_who_is_saved_without_a_change_of_access_is_left_alone(ada):
    before = told()
    ada.email = "ada@example.com"
    ada.save()
    browser = Browser()
    assert browser.login(username="ada", password="secret")
    make_user("grace")
    assert told() == before


@pytest.mark.parametrize(
    ("name", "value"), [("is_active", False), ("is_staff", True), ("is_superuser", True), ("password", "new")]
)
@pytest.mark.parametrize("fields", [None, True])
def test_a_user_who_is_saved_with_other_access_loses_the_streams(ada, name, value, fields):
    before = told()
    setattr(ada, name, value)
    ada.save(update_fields=[name] if fields else None)
    ada.save()
    assert told() == [*before, ("close", {"user": str(ada.pk)})]


def test_a_logout_of_sessions_in_cookies_ends_all_streams_of_the_user(ada, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    browser = Browser()
    assert browser.login(username="ada", password="secret")
    before = told()
    browser.post("/accounts/logout/")
    assert told() == [*before, ("close", {"user": str(ada.pk)})]


def test_nobody_is_kept_from_logging_out_by_a_bus_that_is_away(ada, monkeypatch, caplog):
    monkeypatch.setattr(control, "send", lambda *_, **__: 1 / 0)
    browser = Browser()
    assert browser.login(username="ada", password="secret")
    assert browser.post("/accounts/logout/").status_code == 302
    assert Session.objects.count() == 0
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "Streams could not be ended immediately. The next periodic check will end them."
    ]
