"""The admin's page of open streams."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from apps.sse.delivery import control
from apps.sse.testing import StreamClient
from apps.sse.wire.events import Event, encode_data

from .rows import row, stream_counts

pytestmark = pytest.mark.django_db

PAGE, END, STREAM = "/admin/sse/openstream/", "/admin/sse/openstream/end/", "/api/sse/open/stream/"
FEED, CHAT = "site.views.FeedStream", "site.views.ChatStream"


@pytest.fixture
def stats(rows):
    rows(row(1))
    return rows


@pytest.fixture
def sent(monkeypatch):
    """The messages sent to all processes."""
    messages = []
    monkeypatch.setattr("apps.sse.delivery.control.send", lambda *message: messages.append(message))
    return messages


@pytest.fixture
def staff(client):
    """Log a member of the staff in, with these permissions."""

    def log_in(*codenames):
        user = get_user_model().objects.create_user("grace", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def admin(staff):
    return staff("view_openstream", "end_openstream")


def test_staff_without_the_permission_do_not_see_open_streams(staff, stats):
    client = staff()
    assert client.get(PAGE).status_code == 403
    assert "Open streams" not in client.get("/admin/").text


def test_other_users_are_redirected_to_the_login(client, stats):
    client.force_login(get_user_model().objects.create_user("ada"))
    assert client.get(PAGE).status_code == 302
    assert client.post(END, {"view": FEED}).status_code == 302


def test_the_admin_links_to_the_page(admin):
    assert f'href="{PAGE}"' in admin.get("/admin/").text


def test_the_page_sums_the_streams_of_all_processes_by_view_and_by_user(admin, stats):
    ada = get_user_model().objects.create_user("ada lovelace")
    pk = str(ada.pk)
    stats(
        row(1, streams=stream_counts({FEED: 3, CHAT: 1}, {FEED: {pk: 2}, CHAT: {pk: 1}})),
        row(2, streams=stream_counts({FEED: 2}, {FEED: {pk: 2}})),
    )
    response = admin.get(PAGE)
    streams = response.context["streams"]
    assert (streams.total, streams.guests, streams.views) == (6, 1, [(FEED, 5), (CHAT, 1)])
    assert [(row.name, row.number, row.views) for row in streams.users] == [
        ("ada lovelace", 5, [(FEED, 4), (CHAT, 1)])
    ]
    assert [(row.code, row.number) for row in streams.processes] == [("1", 4), ("2", 2)]
    assert all(text in response.text for text in (FEED, CHAT, "ada lovelace", "left 402"))


def test_a_deleted_user_is_shown_by_primary_key(admin, stats):
    stats(row(1, streams=stream_counts({FEED: 1}, {FEED: {"987654": 1}})))
    assert [row.name for row in admin.get(PAGE).context["streams"].users] == ["987654"]


def test_the_page_counts_the_users_that_are_in_no_row(admin, stats):
    stats(row(1, streams=stream_counts({FEED: 10}, {FEED: {"1": 4}}, signed_in=9)))
    response = admin.get(PAGE)
    assert (response.context["streams"].others, response.context["streams"].guests) == (5, 1)
    assert "Users with fewer streams" in response.text


def test_the_pages_stream_sends_an_event_for_each_change_to_staff_with_the_permission(staff, stats, monkeypatch):
    client = staff("view_openstream")
    page = client.get(PAGE).text
    assert f'dj-sse="{STREAM}" dj-sse-refresh="changed"' in page
    monkeypatch.setattr("apps.sse.stats.processes.EVERY_SECONDS", 0.01)
    with StreamClient(client).open(STREAM) as stream:
        stream.assert_event("changed")
        stream.assert_no_event()
        stats(row(1, streams=stream_counts({FEED: 1})))
        stream.assert_event("changed")
    get_user_model().objects.update(is_staff=False)
    assert client.head(STREAM).status_code == 403


def test_a_silent_process_is_shown_and_its_streams_are_not_counted(admin, stats):
    stats(row(1, streams=stream_counts({FEED: 1})), row(2, age=12.3, streams=stream_counts({FEED: 5})))
    response = admin.get(PAGE)
    assert response.context["streams"].total == 1
    assert "left 402" in response.text
    assert "No report for 12 seconds" in response.text


def test_the_number_of_queries_does_not_depend_on_the_number_of_users(admin, stats, django_assert_max_num_queries):
    for number in (1, 60):
        stats(row(1, streams=stream_counts({FEED: number}, {FEED: {str(pk): 1 for pk in range(number)}})))
        with django_assert_max_num_queries(6):
            admin.get(PAGE)


@pytest.fixture
def viewer(staff):
    return staff("view_openstream")


def test_staff_who_may_only_view_streams_have_no_buttons_and_cannot_end_them(viewer, stats, sent):
    stats(row(1, streams=stream_counts({FEED: 1}, {FEED: {"1": 1}})))
    assert f'action="{END}"' not in viewer.get(PAGE).text
    assert viewer.post(END, {"user": "1"}).status_code == 403
    assert viewer.post(END, {"view": FEED}).status_code == 403
    assert sent == []


def test_a_button_ends_a_users_streams_and_is_logged(admin, stats, sent):
    ada = get_user_model().objects.create_user("ada")
    assert admin.post(END, {"user": str(ada.pk)}).url == PAGE
    assert sent == [("close", {"user": str(ada.pk)})]
    assert "Streams of “ada” ended." not in admin.get(PAGE, headers={"SSE-Refresh": "yes"}).text
    assert "Streams of “ada” ended." in admin.get(PAGE).text
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr, entry.content_type.model) == ("grace", "ada", "openstream")
    assert "ada" in admin.get("/admin/").text


def test_a_form_ends_a_views_streams(admin, stats, sent):
    assert FEED in admin.post(END, {"view": FEED}, follow=True).text
    assert sent == [("close-view", {"view": FEED})]


@pytest.mark.parametrize("form", [{}, {"user": "nobody"}, {"user": ""}])
def test_a_form_without_a_view_or_a_user_is_refused(admin, stats, sent, form):
    assert admin.post(END, form).status_code == 400
    assert sent == []


def test_a_get_request_ends_no_streams(admin, stats, sent):
    assert admin.get(END, {"view": FEED}).status_code == 405
    assert sent == []


def test_a_form_without_a_csrf_token_ends_no_streams(admin, stats, sent):
    admin.handler.enforce_csrf_checks = True
    assert admin.post(END, {"view": FEED}).status_code == 403
    assert sent == []


async def test_a_process_that_receives_the_message_ends_only_the_streams_of_that_view(monkeypatch):
    ended = []

    class Stream:
        def __init__(self, name):
            self.name, self.opened_at = name, 0.0

        def end(self, reason):
            ended.append((self.name, reason))

    from apps.sse.stream import registry

    monkeypatch.setattr(registry.get_registry(), "connections", {Stream(FEED), Stream(CHAT)})
    control.dispatch([Event(control.CHANNEL, "close-view", encode_data({"view": FEED}))])
    assert ended == [(FEED, "staff")]
