"""The list, and the bell on every page."""

import re

from django.template import Context, Template

from apps.notifications.models import Notification
from apps.notifications.notify import notify
from apps.sse import position

BELL = re.compile(r'id="notification-bell".*?data-unread="([\d ]*)".*?notification-count">([^<]*)<', re.DOTALL)


def bell(page):
    return BELL.search(page.text).groups()


def test_visitors_have_no_bell(client, db):
    assert "notification-bell" not in client.get("/accounts/login/").text


def test_the_bell_counts_up_to_99(reader, ada):
    Notification.objects.bulk_create(Notification(recipient=ada, verb="again") for _ in range(100))
    unread, count = bell(reader.get("/accounts/password/change/"))
    assert (len(unread.split()), count) == (100, "99+")


def test_the_bells_position_is_taken_before_its_query(rf, ada, monkeypatch):
    order = []
    monkeypatch.setattr(
        "apps.notifications.templatetags.notifications.page_position", lambda: order.append("position")
    )
    monkeypatch.setattr(
        "apps.notifications.models.NotificationQuerySet.unread",
        lambda self: order.append("query") or self.none(),
    )
    request = rf.get("/")
    request.user = ada
    Template("{" + "% load notifications %}{" + "% notification_bell as bell %}").render(
        Context({"request": request})
    )
    assert order == ["position", "query"]


def test_the_list_and_the_bell_share_one_stream_from_one_position(reader, notification):
    page = reader.get("/notifications/").text
    streams = re.findall(r'dj-sse="([^"]+)" dj-sse-since="([^"]+)"', page)
    assert streams == [("/api/header/stream/", str(position()))] * 2


def test_the_list_can_be_filtered_by_unread(reader, ada, notification):
    notify(ada, "read already")
    ada.notifications.filter(verb="read already").update(read_at=notification.created_at)
    assert "read already" in reader.get("/notifications/").text
    page = reader.get("/notifications/?show=unread").text
    assert "mentioned you" in page
    assert "read already" not in page


def test_an_empty_list_explains_itself(reader):
    assert "No notifications yet." in reader.get("/notifications/").text
    assert "You have read everything." in reader.get("/notifications/?show=unread").text


def test_the_number_of_queries_does_not_grow_with_the_list(reader, ada, grace, django_assert_max_num_queries):
    Notification.objects.bulk_create(Notification(recipient=ada, actor=grace, verb="again") for _ in range(20))
    with django_assert_max_num_queries(6):
        reader.get("/notifications/")


def test_a_notifications_text_is_escaped(reader, ada):
    notify(ada, "<b>bold</b>", text='<script>alert("x")</script>', url="/?a=1&b=2")
    page = reader.get("/notifications/").text
    assert "&lt;b&gt;bold" in page
    assert "<script>alert" not in page
    assert 'href="/?a=1&amp;b=2"' in page
