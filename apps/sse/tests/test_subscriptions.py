"""The events that wait in a `stream()` until its code takes them are bounded."""

import pytest

from apps.sse import Position, SSEView, position, publish
from apps.sse.delivery import hub
from apps.sse.stats.metrics import hang_ups
from apps.sse.stream import subscription
from apps.sse.wire.events import decode_data

from .followers import append_event, until
from .streams import fetch, received_events

pytestmark = pytest.mark.django_db(transaction=True)


class Following(SSEView):
    event_id = Position

    async def stream(self, request):
        async with self.subscribe("news") as events:
            await self.prepare(events)
            async for event in events:
                yield event

    async def prepare(self, events):
        """Wait before the first event is taken."""


def test_a_replay_waits_until_its_events_are_taken(monkeypatch):
    # One event at a time.
    monkeypatch.setattr(hub, "REPLAY_BYTES", 1)
    monkeypatch.setattr(subscription, "MAX_WAITING", 1)
    start = position()
    for number in range(10):
        publish("news", "item", number)
    answer = fetch(
        "hand-off",
        Following.as_view(),
        headers={"Last-Event-ID": str(start)},
        until=lambda chunks: len(received_events(chunks)) == 10,
    )
    assert [decode_data(event.data) for event in answer.events] == [*range(10)]


def test_a_stream_that_takes_no_events_is_ended_and_misses_none(monkeypatch):
    class Slow(Following):
        async def prepare(self, events):
            for number in range(3):
                append_event("news", str(number), name="item")
            await until(lambda: events._failure)

    monkeypatch.setattr(subscription, "MAX_WAITING", 2)
    before = hang_ups.copy()
    answer = fetch("hand-off", Slow.as_view())
    assert hang_ups - before == {"slow": 1}
    assert [decode_data(event.data) for event in answer.events] == [0, 1, 2]
