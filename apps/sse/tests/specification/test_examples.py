"""Every Python example of the specification, on an ASGI and on a WSGI server."""

import json
from collections import namedtuple
from contextlib import contextmanager
from itertools import islice
from uuid import uuid4

import httpx
import pytest
from httpx_sse import connect_sse

from tests import servers

ReceivedEvent = namedtuple("ReceivedEvent", "event id data")

UNKNOWN_ID = ReceivedEvent("sse:reset", "", {"reason": "unknown-id"})
TOO_LONG = "9" * 5000
GARBAGE = ["abc", "1.5", "0x1", "1 2", "1; data: x", "null", TOO_LONG, "12-0123abcd", "é"]


@pytest.fixture(scope="module")
def examples(migrated, tmp_path_factory):
    """A folder with the database of the examples, and the variables that name their settings."""
    folder = tmp_path_factory.mktemp("examples")
    servers.copy_database(migrated, folder)
    variables = {
        "PROJECT_SETTINGS": f"{servers.PACKAGE}.settings",
        "DJANGO_SETTINGS_MODULE": "apps.sse.tests.specification.settings",
    }
    environment = servers.environment_for(folder, **variables)
    servers.manage("migrate", "--run-syncdb", "--verbosity", "0", environment=environment)
    return folder, variables


@pytest.fixture(scope="module", params=["uvicorn", "runserver"])
def server(request, examples, tmp_path_factory):
    """The examples on one kind of server."""
    database, variables = examples
    folder = tmp_path_factory.mktemp(request.param)
    servers.copy_database(database, folder)
    with servers.serving(request.param, folder, package="apps.sse.tests.specification", **variables) as server:
        yield server


@pytest.fixture
def client(server):
    """An HTTP client that is not logged in."""
    with httpx.Client(base_url=server.url, timeout=10) as client:
        yield client


@pytest.fixture
def login(client):
    """Log the client in as a new user; returns the primary key."""
    test = uuid4()
    return lambda name="ada": client.get(f"/given/login/{name}-{test}/").json()["id"]


@contextmanager
def open_stream(client, path, last_event_id=None, **headers):
    """Open a stream; yields the iterator of its events."""
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id.encode()
    with connect_sse(client, "GET", path, headers=headers) as source:
        source.response.raise_for_status()
        yield (ReceivedEvent(e.event, e.id, json.loads(e.data)) for e in source.iter_sse() if e.data)


def first_events(client, path, count=100, **request):
    """Return the first events of a stream, then disconnect."""
    with open_stream(client, path, **request) as events:
        return list(islice(events, count))


def test_the_dashboard_numbers_its_events(client):
    received = first_events(client, "/api/dashboard/stream/", 3)
    assert [(event.event, event.id) for event in received] == [("stats", "1"), ("stats", "2"), ("stats", "3")]
    assert {(event.data["users_online"], event.data["requests_per_sec"]) for event in received} == {(42, 150)}
    times = [event.data["timestamp"] for event in received]
    assert times == sorted(set(times))


def test_the_dashboard_continues_the_numbers_after_the_clients_last_id(client):
    assert [event.id for event in first_events(client, "/api/dashboard/stream/", 2, last_event_id="41")] == [
        "42",
        "43",
    ]


@pytest.mark.parametrize("garbage", [*GARBAGE, "-1"])
def test_an_id_that_is_no_number_restarts_the_numbers_if_the_view_ignores_it(client, garbage):
    *reset, first = first_events(
        client, "/api/dashboard/stream/", 1 + (garbage == TOO_LONG), last_event_id=garbage
    )
    assert reset == [UNKNOWN_ID] * (garbage == TOO_LONG)
    assert (first.event, first.id) == ("stats", "1")


def test_the_defaults_are_those_of_the_specification(client):
    response = client.get("/default/")
    assert response.text.startswith("retry: 3000\n\n")
    assert "id: 1\n" in response.text
    assert response.headers["SSE-Keepalive"] == "15"
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-Accel-Buffering"] == "no"
    assert [name for name in response.headers if name.startswith("access-control")] == []


def test_events_have_no_ids_if_auto_id_is_off(client):
    end = "event: sse:end\nid: sse:end\n"
    text = client.get("/unnumbered/").text
    assert end in text, "a client that reconnects with this id gets 204"
    assert "id:" not in text.replace(end, "")
    assert client.get("/unnumbered/", headers={"Last-Event-ID": "sse:end"}).status_code == 204


def test_the_stream_begins_with_the_retry_interval(client):
    assert client.get("/slow/").text.startswith("retry: 10000\n\n")


def test_a_stream_for_all_origins_allows_no_credentials(client):
    headers = client.get("/open/", headers={"Origin": "https://anyone.example"}).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_stream_for_some_origins_refuses_others(client):
    friend = client.get("/friendly/", headers={"Origin": "https://friend.example"}).headers
    assert friend["Access-Control-Allow-Origin"] == "https://friend.example"
    assert friend["Access-Control-Allow-Credentials"] == "true"
    other = client.get("/friendly/", headers={"Origin": "https://other.example"}).headers
    assert "Access-Control-Allow-Origin" not in other
    assert "Origin" in friend["Vary"]
    assert "Origin" in other["Vary"]


def test_mount_refuses_before_the_first_byte(client):
    response = client.get("/mount-and-stream/")
    assert response.status_code == 403
    assert not response.headers["Content-Type"].startswith("text/event-stream")


def test_stream_sends_what_mount_prepared_and_then_ends(client, login):
    user = login()
    assert first_events(client, "/mount-and-stream/") == [
        ("start", "1", {"status": "streaming"}),
        ("item", "2", {"number": 1, "user": user}),
        ("item", "3", {"number": 2, "user": user}),
        ("item", "4", {"number": 3, "user": user}),
        ("complete", "5", {"status": "done"}),
        ("sse:end", "sse:end", {}),
    ]


def test_mount_gets_the_last_id_to_resume_from(client, login):
    login()
    start, item, *_ = first_events(client, "/mount-and-stream/", last_event_id="40")
    assert (start.id, item.id, item.data["number"]) == ("41", "42", 41)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_mount_gets_no_id_if_int_raises_a_value_error(client, login, garbage):
    login()
    reset, start, item, *_ = first_events(client, "/mount-and-stream/", last_event_id=garbage)
    assert reset == UNKNOWN_ID
    assert (start.id, item.data["number"]) == ("1", 1)


def test_mount_gets_a_negative_number(client, login):
    login()
    _, item, *_ = first_events(client, "/mount-and-stream/", last_event_id="-1")
    assert item.data["number"] == 0


def test_an_event_has_its_own_id_or_the_next_number(client):
    assert client.get("/events/").text.startswith(
        "retry: 3000\n\n"
        'event: update\nid: 1\ndata: {"count":42}\n\n'
        'event: notification\nid: 77\ndata: {"text":"Hello"}\n\n'
        'id: 2\ndata: {"raw":"data"}\n\n'
        ": keepalive\n\n"
    )


def test_the_dom_helpers_send_the_change_and_its_target(client):
    received = first_events(client, "/dom/")
    assert [(event.event, event.data) for event in received] == [
        ("patch", [{"op": "replace", "path": "#count", "value": "42"}]),
        ("html", {"target": "#notifications", "html": "<li>New message</li>", "mode": "prepend"}),
        ("text", {"target": "#status", "text": "Processing...", "mode": "replace"}),
        ("redirect", {"url": "/dashboard/"}),
        ("reload", {}),
        ("sse:end", {}),
    ]
    assert [event.id for event in received] == ["1", "2", "3", "3", "3", "sse:end"], (
        "redirect and reload have no id"
    )


def test_a_view_with_the_mixin_also_returns_a_page(client):
    assert client.get("/page/").text == '<p data-stream="/api/dashboard/stream/">The dashboard</p>\n'


def test_a_view_with_the_mixin_streams_and_resumes(client):
    assert first_events(client, "/updates/", 2) == [("update", "1", {"count": 1}), ("update", "2", {"count": 2})]
    assert first_events(client, "/updates/", 1, last_event_id="6") == [("update", "7", {"count": 1})]


def test_missed_notifications_arrive_before_new_ones(client, login):
    login()
    missed = [client.get(f"/given/notify/missed-{number}/").json() for number in range(3)]
    with open_stream(client, "/notifications/", last_event_id=str(missed[0]["id"])) as events:
        received = [next(events) for _ in range(3)]
        assert [event.data["text"] for event in received] == ["missed-1", "missed-2", "listening"]
        stored = client.get("/given/notify/new/").json()
        assert next(events) == ("notification", str(stored["id"]), stored)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_notifications_start_from_the_beginning_if_the_id_is_not_a_number(client, login, garbage):
    login()
    client.get("/given/notify/missed/")
    reset, first = first_events(client, "/notifications/", 2, last_event_id=garbage)
    assert (reset.event, first.data["text"]) == ("sse:reset", "listening")


def test_all_notifications_follow_a_number_before_the_first(client, login):
    login()
    client.get("/given/notify/missed/")
    assert [event.data["text"] for event in first_events(client, "/notifications/", 2, last_event_id="-1")] == [
        "missed",
        "listening",
    ]


def test_a_user_does_not_receive_the_notifications_of_another(client, login):
    login("ada")
    seen, _ = [client.get(f"/given/notify/for-ada-{number}/").json()["id"] for number in range(2)]
    login("bob")
    (first,) = first_events(client, "/notifications/", 1, last_event_id=str(seen))
    assert first.data["text"] == "listening"


def test_progress_is_sent_until_the_task_is_complete_and_the_stream_ends(client):
    assert first_events(client, "/progress/?task_id=123") == [
        ("progress", "1", {"percent": 0, "status": "running"}),
        ("progress", "2", {"percent": 50, "status": "running"}),
        ("progress", "3", {"percent": 100, "status": "done"}),
        ("complete", "4", {"result": "task 123"}),
        ("sse:end", "sse:end", {}),
    ]


def item(number, kind):
    """Return the event of the live feed's item of that number."""
    html = f'<div class="feed-item" id="item-{number}">{kind} {number}</div>'
    return ("html", str(number), {"target": "#feed", "html": html, "mode": "prepend"})


def test_the_live_feed_sends_new_items_to_a_new_client(client):
    first, second, end = first_events(client, "/feed/")
    assert [first.data, second.data, end.event] == [item(11, "new")[2], item(12, "new")[2], "sse:end"]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_the_live_feed_starts_from_the_beginning_if_the_id_is_not_a_number(client, garbage):
    assert first_events(client, "/feed/", last_event_id=garbage) == [UNKNOWN_ID, *first_events(client, "/feed/")]


def test_the_live_feed_sends_missed_items_before_new_ones(client):
    received = first_events(client, "/feed/", 4, last_event_id="8")
    assert received == [item(9, "missed"), item(10, "missed"), item(11, "new"), item(12, "new")]


def test_a_notification_arrives_rendered_and_is_marked_as_read_by_its_user_alone(client, login):
    login("ada")
    with open_stream(client, "/rendered-notifications/") as events:
        assert "listening" in next(events).data["html"]
        stored = client.get("/given/notify/<b>/").json()
        html = f'<li id="notification-{stored["id"]}">&lt;b&gt;</li>\n'
        assert next(events) == ("notification", "2", {"id": stored["id"], "html": html})
    assert mark_read(client, stored["id"]).json() == {"ok": True}
    assert client.get("/given/read/").json() == {"read": [stored["id"]]}


def test_a_user_cannot_mark_the_notification_of_another_as_read(client, login):
    login("ada")
    stored = client.get("/given/notify/mine/").json()
    login("bob")
    mark_read(client, stored["id"])
    login("ada")
    assert client.get("/given/read/").json() == {"read": []}


def mark_read(client, pk):
    """Post with the CSRF token, as a page's script does."""
    return client.post(f"/read/{pk}/", headers={"X-CSRFToken": client.cookies["csrftoken"]})
