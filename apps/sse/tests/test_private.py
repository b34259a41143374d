"""Streams are closed for a user or a session: by hand, and as Django's signals tell."""

import asyncio
import json
import logging
import threading

import pytest
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client as Browser

from apps.sse import SSEView, aclose_streams, close_streams, closing
from apps.sse.brokers import get_broker

from .followers import until
from .opened import Opened, new_session
from .streams import WAYS, ask, make_user, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)
User = auth.get_user_model()


def told():
    """Return what the processes have told each other."""
    return [(event.name, json.loads(event.text)) for event in get_broker().tail(100) if event.channel]


@pytest.fixture
def ada():
    return make_user(password="secret")


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_is_closed_however_it_is_served(ada, way):
    class Endless(SSEView):
        async def stream(self, request):
            while True:
                yield self.event("tick", "tock")
                await asyncio.sleep(0.01)

    def close_after_a_while(chunks):
        # The first stream of a process is heard by the bus a moment later.
        if len(chunks) % 20 == 0:
            threading.Thread(target=close).start()

    def close():
        close_streams(user=ada)
        connection.close()

    headers = {"Cookie": session_cookie(ada)}
    answer = ask(way, Endless.as_view(), headers=headers, until=close_after_a_while)
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


async def test_in_a_transaction_streams_are_closed_when_it_commits(ada):
    async with Opened(ada) as stream:
        with transaction.atomic():
            close_streams(user=ada)
            await asyncio.sleep(0.05)
            assert not stream.is_ended
            transaction.set_rollback(True)
        await asyncio.sleep(0.05)
        assert not stream.is_ended
        with transaction.atomic():
            close_streams(user=ada)
        await until(lambda: stream.is_ended)


async def test_a_stream_that_was_just_being_opened_is_closed_too(ada, monkeypatch):
    monkeypatch.setattr(closing, "AGAIN_SECONDS", 0.1)
    async with Opened(ada) as stream:
        close_streams(user=ada)
        await until(lambda: stream.is_ended)
        async with Opened(ada) as later:
            await until(lambda: later.is_ended)
        await asyncio.sleep(0.15)
        async with Opened(ada) as latest:
            await asyncio.sleep(0.15)
            assert not latest.is_ended


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
    with pytest.raises(TypeError, match="takes a user"):
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
    monkeypatch.setattr(closing, "publish_control", lambda *_: 1 / 0)
    browser = Browser()
    assert browser.login(username="ada", password="secret")
    assert browser.post("/accounts/logout/").status_code == 302
    assert Session.objects.count() == 0
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "Streams could not be ended at once: the next sweep will find them."
    ]
