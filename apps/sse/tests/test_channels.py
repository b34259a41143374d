"""Views that follow channels, in each of the ways in which a stream is served."""

import asyncio

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.sse import Position, SSEView, position, publish
from apps.sse.brokers import get_broker
from apps.sse.delivery import log
from apps.sse.stats.metrics import hang_ups
from apps.sse.wire.events import decode_data

from .followers import append_event
from .streams import WAYS, fetch, received_events

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("way", WAYS)]


class News(SSEView):
    channels = ["news", "sport"]


class Latest(News):
    follow = "latest"


class Subscribed(SSEView):
    event_id = Position

    async def stream(self, request):
        yield self.event("hello", {})
        async with self.subscribe("news") as events:
            async for event in events:
                yield event


class Waiting(Subscribed):
    """Sends nothing before it subscribes."""

    async def stream(self, request):
        async with self.subscribe("news") as events:
            async for event in events:
                yield event


def has_events(count):
    return lambda chunks: len(received_events(chunks)) >= count


def has_text(text):
    """Return the condition that a client has received a text."""
    return lambda chunks: text.encode() in b"".join(chunks)


def receive(way, view, count, **headers):
    """Return the response to a client that disconnects after `count` events."""
    answer = fetch(way, view.as_view(), headers=headers, until=has_events(count))
    assert answer.status == 200
    return answer


def names_and_data(answer):
    return [(event.event, decode_data(event.data)) for event in answer.events]


def test_a_client_that_reconnects_gets_the_events_that_it_missed_on_its_channels(way):
    start = position()
    for n in range(4):
        publish(["news", "weather", "sport", "news"][n], "item", n)
    answer = receive(way, News, 3, **{"Last-Event-ID": str(start)})
    assert names_and_data(answer) == [("item", 0), ("item", 2), ("item", 3)]
    again = receive(way, News, 1, **{"Last-Event-ID": answer.events[1].id})
    assert names_and_data(again) == [("item", 3)]


@pytest.mark.parametrize("view", [News, Latest, Subscribed, Waiting])
def test_a_client_that_received_no_event_and_reconnects_misses_none(way, view):
    publish("news", "item", "before it came")
    answer = fetch(way, view.as_view(), until=lambda chunks: b"sse:open" in b"".join(chunks))
    assert answer.opened == [str(position())]
    publish("news", "item", "missed")
    again = fetch(way, view.as_view(), headers={"Last-Event-ID": answer.opened[0]}, until=has_text("missed"))
    assert ("item", "missed") in names_and_data(again)
    assert (again.opened, again.names.count("item")) == ([], 1)


@pytest.mark.parametrize("view", [News, Waiting])
def test_a_native_client_sends_its_first_position_in_the_url(way, view):
    start = position()
    publish("news", "item", "missed")
    query = f"lastEventId={start}".encode()
    answer = fetch(way, view.as_view(), query=query, until=has_text("missed"))
    assert (answer.names[-1], answer.opened) == ("item", [])
    again = fetch(
        way, view.as_view(), query=query, headers={"Last-Event-ID": "7-00000000"}, until=has_text("sse:reset")
    )
    assert "item" not in again.names, "the id of the last event takes precedence"


def test_an_event_between_the_opening_and_the_subscription_is_received(way):
    class Late(Subscribed):
        async def stream(self, request):
            append_event("news", '"early"', name="item")
            async for event in super().stream(request):
                yield event

    answer = receive(way, Late, 2)
    assert names_and_data(answer) == [("hello", {}), ("item", "early")]


def test_channels_may_be_given_in_the_urls(way):
    start = position()
    publish("news", "item", 1)
    publish("news", "item", 2)
    view = SSEView.as_view(channels=["news"], follow="latest")
    answer = fetch(way, view, headers={"Last-Event-ID": str(start)}, until=has_events(1))
    assert names_and_data(answer) == [("item", 2)]
    assert fetch(way, view, headers={"Last-Event-ID": "7"}, until=has_events(1)).names[0] == "sse:reset"


def test_a_live_event_is_received(way):
    def then_publish(chunks):
        if b"sse:open" in b"".join(chunks) and not sent:
            sent.append(append_event("news", '"live"', name="item"))
        return has_events(1)(chunks)

    sent = []
    answer = fetch(way, News.as_view(), until=then_publish)
    assert names_and_data(answer) == [("item", "live")]
    assert answer.events[0].id == str(position())


def test_keepalives_of_a_quiet_channel_carry_the_newest_position(way):
    class Quick(News):
        sse_keepalive_interval = 0.1

    def has_newest(chunks):
        if b"sse:open" in b"".join(chunks) and not sent:
            sent.append(append_event("another", "other"))
        return f"id: {get_broker().tail(1)[0].position}\n\n".encode() in b"".join(chunks) and sent

    sent = []
    answer = fetch(way, Quick.as_view(), until=has_newest)
    assert answer.events == []


@pytest.mark.parametrize("sent", ["garbage", "5", "7-00000000", "999999-12345678", "1-zz", "é" * 300, "-", "sse:"])
@pytest.mark.parametrize("view", [News, Latest])
def test_a_position_that_the_log_does_not_contain_is_answered_with_one_reset(way, view, sent):
    for n in range(10):
        publish("news", "item", n)
    answer = fetch(
        way,
        view.as_view(),
        headers={"Last-Event-ID": sent.encode()},
        until=lambda chunks: b"sse:open" in b"".join(chunks),
    )
    assert (answer.status, answer.opened) == (200, [str(position())])
    assert answer.names == ["sse:reset"] + ["item"] * (view is Latest)
    assert set(answer.events[0].json()) == {"reason"}


def test_a_client_of_the_latest_gets_only_the_newest_event_of_each_channel(way):
    start = position()
    for n in range(6):
        publish(["news", "sport"][n % 2], "item", n)
    for headers in ({}, {"Last-Event-ID": str(start)}):
        assert names_and_data(receive(way, Latest, 2, **headers)) == [("item", 4), ("item", 5)]
    second_newest = get_broker().tail(2)[0].position
    assert names_and_data(receive(way, Latest, 1, **{"Last-Event-ID": str(second_newest)})) == [("item", 5)]


def test_a_stream_that_subscribes_replays_missed_events(way):
    start = position()
    publish("news", "item", "missed")
    answer = receive(way, Subscribed, 2, **{"Last-Event-ID": str(start)})
    assert names_and_data(answer) == [("hello", {}), ("item", "missed")]
    assert answer.events[1].id == str(position())


def test_a_stream_that_stopped_waiting_for_an_event_gets_it_later(way):
    class Impatient(Subscribed):
        async def stream(self, request):
            async with self.subscribe("news") as events:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(events), 0.01)
                append_event("news", '"late"', name="item")
                yield await anext(events)

    assert receive(way, Impatient, 1).names[0] == "item"


def test_a_later_subscription_begins_after_the_last_event_that_was_taken(way):
    class OneByOne(SSEView):
        event_id = Position

        async def stream(self, request):
            for channel in ("news", "news", "sport"):
                async with self.subscribe(channel) as events:
                    yield await anext(aiter(events))

    start = position()
    for channel, data in (("sport", 1), ("news", 2), ("news", 3), ("sport", 4)):
        publish(channel, "item", data)
    answer = fetch(way, OneByOne.as_view(), headers={"Last-Event-ID": str(start)})
    assert names_and_data(answer)[:3] == [("item", 2), ("item", 3), ("item", 4)]


def test_a_stream_that_subscribes_with_a_lost_position_sends_a_reset(way):
    headers = {"Last-Event-ID": "7-00000000"}
    answer = fetch(
        way, Subscribed.as_view(), headers=headers, until=lambda chunks: b"sse:open" in b"".join(chunks)
    )
    assert sorted(answer.names) == ["hello", "sse:reset"]
    assert answer.opened == [str(position())]


def test_a_stream_that_subscribes_is_counted_under_the_reason_why_it_was_dropped(way):
    class Lost(SSEView):
        event_id = Position

        async def stream(self, request):
            async with self.subscribe("news") as events:
                events.drop("broker")
                async for event in events:
                    yield event

    before = hang_ups.copy()
    assert fetch(way, Lost.as_view()).body.count(b"retry: ") == 2
    assert hang_ups - before == {"broker": 1}


def test_subscribing_needs_positions_for_ids(way):
    class Unnumbered(SSEView):
        async def stream(self, request):
            with pytest.raises(ImproperlyConfigured, match="event_id = Position"):
                self.subscribe("news")
            yield self.event("refused", {})

    assert fetch(way, Unnumbered.as_view()).names == ["refused", "sse:end"]


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_the_server_chooses_the_channels_of_each_client(way, kind):
    class Plain(SSEView):
        def get_channels(self, request):
            return [f"user:{request.GET['user']}"]

    class Async(SSEView):
        async def get_channels(self, request):
            await asyncio.sleep(0)
            return [f"user:{request.GET['user']}"]

    start = position()
    publish("user:1", "item", "for 1")
    publish("user:2", "item", "for 2")
    view = {"plain": Plain, "async": Async}[kind]
    answer = fetch(
        way, view.as_view(), headers={"Last-Event-ID": str(start)}, query=b"user=2", until=has_events(1)
    )
    assert names_and_data(answer) == [("item", "for 2")]


@pytest.mark.parametrize("channels", [["sse:control"], [""], ["with space"], ["x" * 201], [7]])
def test_an_invalid_channel_is_an_error_before_the_first_byte(way, channels, caplog):
    class Wrong(SSEView):
        def get_channels(self, request):
            return channels

    assert fetch(way, Wrong.as_view()).status == 500
    assert "A channel's name must be" in caplog.text


def test_head_returns_the_headers_and_opens_no_stream(way):
    answer = fetch(way, News.as_view(), "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize("view", [News, Waiting])
def test_a_client_retries_while_the_broker_is_down(way, view, settings, monkeypatch):
    monkeypatch.setattr(log, "START_SECONDS", 0.05)
    settings.SSE_BROKER_URL = "apps.sse.tests.followers.FlakyBroker://"
    get_broker().is_down = True
    answer = fetch(way, view.as_view())
    if way == "WSGI" or view is Waiting:
        assert answer.body.count(b"retry: ") == 2
    else:
        assert answer.status == 503
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_data_is_received_as_it_was_published(way):
    start = position()
    things = ["text", "two\nlines", "[1]", {"a": [1, None]}, 1.5, None, True, "é\u2028"]
    for thing in things:
        publish("news", "item", thing)
    answer = receive(way, News, len(things), **{"Last-Event-ID": str(start)})
    assert [data for _, data in names_and_data(answer)] == things
