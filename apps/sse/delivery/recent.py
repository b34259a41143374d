"""The newest events of the log, in memory, for those who come back after a moment."""

from bisect import bisect_left
from collections.abc import Collection, Iterable

from ..brokers import Gap
from ..wire.events import Event, Position


class Recent:
    """
    The newest events: at least one, and every one after the `oldest`.

    When there are more than `most_events`, or their texts have more than `most_characters`, the
    older half is dropped.
    """

    def __init__(
        self, events: Iterable[Event], *, most_events: int = 2000, most_characters: int = 8 * 2**20
    ) -> None:
        self._events = list(events)
        self._characters = sum(len(event.text) for event in self._events)
        self._most_events = most_events
        self._most_characters = most_characters

    @property
    def oldest(self) -> Event:
        """The first of them."""
        return self._events[0]

    @property
    def newest(self) -> Event:
        """The last of them."""
        return self._events[-1]

    def add(self, event: Event) -> None:
        """Add the event that follows the newest."""
        self._events.append(event)
        self._characters += len(event.text)
        if len(self._events) > self._most_events or self._characters > self._most_characters:
            del self._events[: len(self._events) // 2]
            self._characters = sum(len(kept.text) for kept in self._events)

    def holds(self, position: Position) -> bool:
        """Say whether one of them is at that position."""
        place = self._place_of(position.number)
        return place < len(self._events) and self._events[place].position == position

    def after(self, position: Position, channels: Collection[str]) -> list[Event]:
        """
        Return the durable events of these channels after a position that is not before the oldest.

        Raises `Gap` if there is no event at that position.
        """
        if not self.holds(position):
            raise Gap(position)
        following = self._events[self._place_of(position.number) + 1 :]
        return [event for event in following if event.channel in channels and event.durable]

    def latest(self, channels: Collection[str]) -> dict[str, Event]:
        """Return the newest durable event of each of these channels that has one here."""
        return {event.channel: event for event in self._events if event.channel in channels and event.durable}

    def _place_of(self, number: int) -> int:
        return bisect_left(self._events, number, key=lambda event: event.number)
