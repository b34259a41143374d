"""Notifying users: whom it reaches, when, and what their pages show."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.sse.testing import StreamClient

from ..models import Notification
from ..notify import anotify, notify

STREAM = "/api/notifications/stream/"
BELL = re.compile(r'id="notification-bell".*?data-unread="([\d ]*)".*?notification-count">([^<]*)<', re.DOTALL)


@pytest.fixture
def reader(client, ada):
    """A browser in which ada is logged in."""
    client.force_login(ada)
    return client


def bell(page):
    return BELL.search(page.text).groups()


def test_the_user_receives_it_as_the_page_shows_it_and_nobody_else_does(
    reader, ada, grace, django_capture_on_commit_callbacks
):
    with StreamClient(reader).open(STREAM) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            notify(grace, "is for grace alone")
            notify(ada, "mentioned you", actor=grace, text="Fish & chips?")
        html = stream.assert_event("notification").data["html"]
        stream.assert_no_event()
    assert "Fish &amp; chips?" in html
    page = reader.get("/notifications/").text
    assert html.strip() in page
    assert "for grace alone" not in page


def test_a_transaction_that_is_rolled_back_notifies_nobody(transactional_db, reader, ada):
    with StreamClient(reader).open(STREAM) as stream:
        with transaction.atomic():
            notify(ada, "never happened")
            transaction.set_rollback(True)
        stream.assert_no_event()
        with transaction.atomic():
            notify(ada, "has happened")
            assert not stream.events
        assert "has happened" in stream.next().data["html"]
    assert [each.verb for each in ada.notifications.all()] == ["has happened"]


async def test_async_code_notifies_too(transactional_db, django_user_model):
    user = await django_user_model.objects.acreate_user("lin")
    async with StreamClient().open(STREAM, user=user) as stream:
        await anotify([user], "from a coroutine")
        event = await stream.assert_event("notification")
    assert event.data["id"] == (await user.notifications.aget()).pk


@pytest.mark.parametrize(
    "wrong", [{"url": "javascript:alert(1)"}, {"url": "//evil.example/"}, {"text": "x" * 1001}]
)
def test_what_cannot_be_shown_is_refused(ada, wrong):
    with pytest.raises(ValidationError):
        notify(ada, "something", **wrong)
    assert not Notification.objects.exists()


def test_every_page_has_the_bell_with_what_is_unread_and_an_event_after_that_is_not_lost(
    reader, ada, django_capture_on_commit_callbacks
):
    first, second = notify(ada, "one")[0], notify(ada, "another")[0]
    page = reader.get("/accounts/password/")
    assert bell(page) == bell(reader.get("/notifications/")) == (f"{second.pk} {first.pk}", "2")
    with django_capture_on_commit_callbacks(execute=True):
        notify(ada, "in between")
    since = re.search(r'id="notification-bell"[^>]* dj-sse-since="([^"]+)"', page.text)[1]
    with StreamClient(reader).open(STREAM, last_event_id=since) as stream:
        assert "in between" in stream.next().data["html"]


def test_the_first_page_counts_what_is_unread_and_what_was_sent(reader, ada, grace):
    notify([ada, grace], "Hello")
    page = reader.get("/").text
    assert "data-notification-count>1<" in page
    assert 'dj-sse-field="notifications">2<' in page


def test_the_list_shows_the_newest_and_leads_to_older_ones(reader, ada):
    Notification.objects.bulk_create(Notification(recipient=ada, verb=f"number {n:02}") for n in range(25))
    page = reader.get("/notifications/").text
    assert re.findall(r"number \d\d", page) == [f"number {n:02}" for n in range(24, 4, -1)]
    older = re.search(r'href="([^"]+)">Older', page)[1].replace("&amp;", "&")
    page = reader.get(older).text
    assert re.findall(r"number \d\d", page) == [f"number {n:02}" for n in range(4, -1, -1)]
    assert 'dj-sse-event="notification"' not in page, "what is new does not belong among the old"
