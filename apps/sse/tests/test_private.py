"""The streams of a user or a session are closed by a call and on Django's signals."""

import asyncio
import json
import logging
import threading
import time

import pytest
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.contrib.sessions.models import Session
from django.core.signals import request_started
from django.db import connection, transaction
from django.test import Client as Browser
from django.test import RequestFactory

from apps.sse import SSEView, aclose_streams, close_streams
from apps.sse.access.revocation import close_view, note_start, started_at
from apps.sse.brokers import get_broker
from apps.sse.delivery import control
from apps.sse.stream import registry
from apps.sse.wire.events import Event, encode_data
from tests.servers import wait_until

from .followers import until
from .opened import Opened, new_session
from .streams import WAYS, fetch, make_user, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)
User = auth.get_user_model()


def messages():
    """Return the messages between the processes."""
    return [
        (event.name, json.loads(event.text))
        for event in get_broker().tail(100)
        if event.channel == control.CHANNEL
    ]


@pytest.fixture
def ada():
    return make_user(password="secret")


@pytest.fixture
def grace():
    return make_user("grace")


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_on_each_kind_of_server_is_closed(ada, way):
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
async def test_close_streams_ends_the_streams_of_one_user(ada, by):
    async with Opened(ada) as stream, Opened(make_user("grace")) as other, Opened() as visitor:
        close_streams(user=ada if by == "instance" else ada.pk)
        await until(lambda: stream.is_ended)
        assert not other.is_ended
        assert not visitor.is_ended


async def test_close_streams_ends_the_streams_of_one_session_and_does_not_publish_its_key(ada):
    keys = new_session(basket=1), new_session(basket=2)
    async with Opened(ada, keys[0]) as stream, Opened(ada, keys[1]) as other, Opened(key=keys[0]) as visitor:
        await aclose_streams(session=keys[0])
        await until(lambda: stream.is_ended and visitor.is_ended)
        assert not other.is_ended
    assert keys[0] not in repr(get_broker().tail(100))
    assert [name for name, _ in messages()][-1] == "close"


async def test_streams_are_closed_when_the_transaction_commits(ada, grace):
    async with Opened(ada) as stream:
        with transaction.atomic():
            close_streams(user=ada)
            await all_messages_received(grace)
            assert not stream.is_ended
            transaction.set_rollback(True)
        await all_messages_received(grace)
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
async def test_a_stream_that_is_opening_is_closed_and_one_that_opens_later_is_not(ada, grace, end):
    key = new_session(basket=1)
    ada.user_permissions.add(Permission.objects.first())
    ada.groups.add(group := Group.objects.create(name="staff"))
    group.permissions.add(Permission.objects.first())
    await all_messages_received(grace)
    opening = Opened(ada, key)
    end(ada, key)
    await all_messages_received(grace)
    async with opening as stream, Opened(ada, key) as later:
        assert stream.end_reason in {"access", "staff"}
        await all_messages_received(grace)
        assert not later.is_ended


async def test_a_message_that_fails_is_logged_once_and_the_next_one_arrives(ada, caplog):
    async with Opened(ada) as stream:
        users = ("of another version", str(ada.pk))
        control.dispatch(Event(control.CHANNEL, "close", encode_data({"user": pk})) for pk in users)
        assert stream.end_reason == "access"
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (record.name, "of another version" in caplog.text) == ("django.dispatch", True)


async def all_messages_received(user):
    """Wait until this process has received all messages: until it has closed a stream of another user."""
    async with Opened(user) as stream:
        await asyncio.to_thread(close_elsewhere, user)
        await until(lambda: stream.is_ended)


def close_elsewhere(user):
    close_streams(user=user)
    connection.close()


async def test_the_first_stream_of_a_process_is_closed_if_it_was_revoked_while_it_opened(ada):
    opening = Opened(ada)
    close_streams(user=ada)
    async with opening as stream:
        await until(lambda: stream.is_ended)


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_revoked_during_a_long_mount_is_closed(ada, way):
    class Slow(SSEView):
        def mount(self, request, last_event_id):
            started = started_at(request)
            close_streams(user=ada)
            if way == "hand-off":
                assert wait_until(lambda: registry._revocations and registry._revocations[-1].at > started)

        async def stream(self, request):
            while True:
                yield self.event("tick", "tock")
                await asyncio.sleep(0.01)

    answer = fetch(way, Slow.as_view(), headers={"Cookie": session_cookie(ada)})
    assert answer.chunks[-1].startswith(b"retry: ")
    if way == "hand-off":
        assert answer.names == [], "it was closed before its first event"


class LoggedOutElsewhere:
    """A middleware that reads the user, whose streams another process then closes, before the view is called."""

    async_capable = False

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        started_at(request)
        close_streams(user=request.user)
        return self.get_response(request)


@pytest.mark.parametrize("way", WAYS)
def test_the_first_stream_of_a_process_is_closed_if_it_was_revoked_before_its_view_was_called(ada, way):
    cookie, middleware = {"Cookie": session_cookie(ada)}, [f"{__name__}.LoggedOutElsewhere"]
    answer = fetch(way, SSEView.as_view(channels=["news"]), headers=cookie, inner=middleware)
    assert answer.chunks[-1].startswith(b"retry: ")


@pytest.mark.parametrize("kept_by", ["scope", "environ"])
def test_the_start_of_a_request_is_noted_before_any_middleware_runs(kept_by):
    kept = {}
    [connected] = [call for _, call, *_ in request_started.receivers if call() is note_start]
    connected()(**{kept_by: kept})
    [noted] = kept.values()
    request = RequestFactory().get("/")
    setattr(request, "scope" if kept_by == "scope" else "META", kept)
    assert started_at(request) == noted <= time.time()


async def test_a_stream_that_may_have_missed_more_revocations_than_are_kept_opens_again(ada):
    opening = Opened(ada)
    for _ in range(registry.MAX_REVOCATIONS):
        registry.get_registry().revoke(lambda stream: False, "access")
    async with opening as stream, Opened(ada) as later:
        assert stream.end_reason == "access"
        assert not later.is_ended


async def test_a_replaced_log_ends_all_streams_because_revocations_may_be_lost(ada):
    async with Opened(ada) as stream, Opened() as visitor:
        opening = Opened(ada)
        get_broker()._log = [Event(channel="", name="mark", text="", number=1)]
        close_streams(user=make_user("grace"))
        await until(lambda: stream.is_ended and visitor.is_ended)
        async with opening as other:
            assert (stream.end_reason, other.end_reason) == ("gap", "gap")


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
    ids=["nothing", "no user", "an empty key", "a visitor", "an unsaved user", "both", "a user and an empty key"],
)
def test_close_streams_needs_exactly_one_user_or_session(whose):
    with pytest.raises(TypeError, match="needs either a saved user"):
        close_streams(**whose)
    assert messages() == []


def test_saving_a_user_without_a_change_of_access_closes_nothing(ada):
    before = messages()
    ada.email = "ada@example.com"
    ada.save()
    browser = Browser()
    assert browser.login(username="ada", password="secret")
    make_user("grace")
    assert messages() == before


@pytest.mark.parametrize(
    ("name", "value"), [("is_active", False), ("is_staff", True), ("is_superuser", True), ("password", "new")]
)
@pytest.mark.parametrize("fields", [None, True])
def test_saving_a_user_with_changed_access_closes_the_streams(ada, name, value, fields):
    before = messages()
    setattr(ada, name, value)
    ada.save(update_fields=[name] if fields else None)
    ada.save()
    assert messages() == [*before, ("close", {"user": str(ada.pk)})]


def test_a_logout_with_sessions_in_cookies_closes_all_streams_of_the_user(ada, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    browser = Browser()
    assert browser.login(username="ada", password="secret")
    before = messages()
    browser.post("/accounts/logout/")
    assert messages() == [*before, ("close", {"user": str(ada.pk)})]


def test_a_logout_succeeds_while_the_broker_fails(ada, monkeypatch, caplog):
    monkeypatch.setattr(control, "send", lambda *_, **__: 1 / 0)
    browser = Browser()
    assert browser.login(username="ada", password="secret")
    assert browser.post("/accounts/logout/").status_code == 302
    assert Session.objects.count() == 0
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "Streams could not be ended immediately. The next periodic check will end them."
    ]
