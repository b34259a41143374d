"""Notifying users: recipients, transactions, and the pages that show it."""

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
    """A client in which ada is logged in."""
    client.force_login(ada)
    return client


def bell(page):
    return BELL.search(page.text).groups()


def test_only_the_recipient_receives_a_notification_as_the_page_shows_it(
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


def test_a_rolled_back_transaction_notifies_no_user(transactional_db, reader, ada):
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


async def test_async_code_can_notify(transactional_db, django_user_model):
    user = await django_user_model.objects.acreate_user("lin")
    async with StreamClient().open(STREAM, user=user) as stream:
        await anotify([user], "from a coroutine")
        event = await stream.assert_event("notification")
    assert event.data["id"] == (await user.notifications.aget()).pk


@pytest.mark.parametrize(
    "wrong", [{"url": "javascript:alert(1)"}, {"url": "//evil.example/"}, {"text": "x" * 1001}]
)
def test_an_invalid_link_and_a_long_text_are_refused(ada, wrong):
    with pytest.raises(ValidationError):
        notify(ada, "something", **wrong)
    assert not Notification.objects.exists()


def test_the_bell_of_every_page_counts_the_unread_and_its_stream_continues_from_there(
    reader, ada, django_capture_on_commit_callbacks
):
    first, second = notify(ada, "one")[0], notify(ada, "another")[0]
    page = reader.get("/accounts/password/change/")
    assert bell(page) == bell(reader.get("/notifications/")) == (f"{second.pk} {first.pk}", "2")
    with django_capture_on_commit_callbacks(execute=True):
        notify(ada, "in between")
    since = re.search(r'id="notification-bell"[^>]* dj-sse-since="([^"]+)"', page.text)[1]
    with StreamClient(reader).open(STREAM, last_event_id=since) as stream:
        assert "in between" in stream.next().data["html"]


def test_the_first_page_counts_the_users_unread_and_all_recent_notifications(reader, ada, grace):
    notify([ada, grace], "Hello")
    page = reader.get("/").text
    assert "data-notification-count>1<" in page
    assert 'dj-sse-field="notifications">2<' in page


def test_the_list_shows_the_newest_and_links_to_older_ones(reader, ada):
    Notification.objects.bulk_create(Notification(recipient=ada, verb=f"number {n:02}") for n in range(25))
    page = reader.get("/notifications/").text
    assert re.findall(r"number \d\d", page) == [f"number {n:02}" for n in range(24, 4, -1)]
    older = re.search(r'href="([^"]+)">Older', page)[1].replace("&amp;", "&")
    page = reader.get(older).text
    assert re.findall(r"number \d\d", page) == [f"number {n:02}" for n in range(4, -1, -1)]
    assert 'dj-sse-event="notification"' not in page, "new notifications do not belong on a page of older ones"
