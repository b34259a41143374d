"""The newest events of the log, in memory: most clients that reconnect have missed no others."""

from bisect import bisect_left
from collections.abc import Collection, Iterable

from ..brokers import Gap
from ..wire.events import Event, Position


class Recent:
    """
    The newest events: at least one, and every one after the `oldest`.

    When there are more than `max_events`, or their texts have more than `max_characters`, the older
    half is dropped.
    """

    def __init__(self, events: Iterable[Event], *, max_events: int = 2000, max_characters: int = 2**23) -> None:
        self._events = list(events)
        self._characters = sum(len(event.text) for event in self._events)
        self._max_events = max_events
        self._max_characters = max_characters

    @property
    def oldest(self) -> Event:
        """The first of them."""
        return self._events[0]

    @property
    def newest(self) -> Event:
        """The last of them."""
        return self._events[-1]

    def __contains__(self, position: Position) -> bool:
        place = self._place_of(position.number)
        return place < len(self._events) and self._events[place].position == position

    def add(self, events: list[Event]) -> None:
        """Add the events that follow the newest."""
        self._events += events
        self._characters += sum(len(event.text) for event in events)
        while self._is_full() and len(self._events) > 1:
            del self._events[: len(self._events) // 2]
            self._characters = sum(len(kept.text) for kept in self._events)

    def after(self, position: Position, channels: Collection[str]) -> list[Event]:
        """
        Return the durable events of these channels after a position that is not before the oldest.

        Raises `Gap` if there is no event at that position.
        """
        if position not in self:
            raise Gap(position)
        following = self._events[self._place_of(position.number) + 1 :]
        return [event for event in following if event.channel in channels and event.durable]

    def latest(self, channels: Collection[str]) -> dict[str, Event]:
        """Return the newest durable event of each of these channels that has one here."""
        return {event.channel: event for event in self._events if event.channel in channels and event.durable}

    def _is_full(self) -> bool:
        return len(self._events) > self._max_events or self._characters > self._max_characters

    def _place_of(self, number: int) -> int:
        return bisect_left(self._events, number, key=lambda event: event.number)
