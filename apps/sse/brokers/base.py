"""The interface of a broker: it stores the log of events and notifies the processes of new ones."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection

from ..wire.events import Event, Position

# Approximate size of an event in a log without its channel, name and text.
EVENT_BYTES = 200


class Gap(Exception):
    """The log does not contain a position: it was trimmed, wiped, restored or replaced."""


def size_of(event: Event) -> int:
    """Return the approximate size of an event in a log, in bytes."""
    return EVENT_BYTES + len(event.channel) + len(event.name) + len(event.text.encode())


class Broker(ABC):
    """
    A log of events that all processes share.

    Events are numbered in the order in which they become visible, which is the same for all readers.
    The log is never empty: before the first event it contains a mark, an event of the channel ""
    that no client receives. All methods except `listen` are synchronous and are called from any
    thread. `apps/sse/tests/contract.py` of the library's repository has the contract tests.
    """

    # Whether a call may wait for a server or a disk: then it is made in a thread, else on the event loop.
    is_blocking = True

    def __init__(self, url: str = "") -> None:
        self.url = url

    @abstractmethod
    def append(self, event: Event) -> None:
        """
        Append the event to the log.

        Inside a transaction of the default database this happens at the commit, even if the process
        dies right after it, and never after a rollback.
        """

    @abstractmethod
    def read(self, after: Position, limit: int, channels: Collection[str] | None = None) -> list[Event]:
        """
        Return up to `limit` events after a position, in order, of `channels` or of all channels.

        A read of `channels` may leave out events that are not durable.

        Raises `Gap` if the log has no event at that position.
        """

    def missing(self, positions: Collection[Position]) -> set[Position]:
        """Return those of the positions at which the log has no event."""
        found = set()
        for position in positions:
            with contextlib.suppress(Gap):
                self.read(position, 1)
                found.add(position)
        return {*positions} - found

    @abstractmethod
    def tail(self, limit: int) -> list[Event]:
        """Return the newest events in order, up to `limit` and at least one."""

    def position(self) -> Position:
        """Return the newest position, or that of a replica if pages read from one."""
        return self.tail(1)[-1].position

    @abstractmethod
    def latest(self, channels: Collection[str]) -> list[Event]:
        """Return the newest durable event of each of these channels that has one, in order."""

    @abstractmethod
    async def listen(self, wake: Callable[..., object]) -> None:
        """
        Call `wake` as soon as it is listening, and then whenever the log may have grown, until cancelled.

        A call may have the newest events as arguments, in order and with none missing between them: a reader
        that has all but the last one then needs no read.

        An error that ends the listening is raised.
        """

    @abstractmethod
    def trim(self) -> int:
        """
        Delete the events that exceed the retention, but never the newest one; return their number.

        Age is measured with the log's own clock, since the clocks of publishers may be wrong.
        """

    def memory_share(self) -> float:
        """Return the share of its memory that the log's server uses, or 0 if it needs none for the log."""
        return 0

    def maintain(self) -> None:  # noqa: B027
        """Periodic work: append committed events that a killed process left in the outbox; trim the log."""

    def close(self) -> None:  # noqa: B027
        """Close the connections. Later use of the broker opens new ones."""
