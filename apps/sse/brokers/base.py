"""What a broker is: it keeps the log of events, and tells the hubs that it has grown."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection

from ..events import Event, Position

# What an event takes in a log in addition to its channel, name and text, roughly.
EVENT_BYTES = 200


class Gap(Exception):
    """The log does not hold a position: it was trimmed, wiped, restored or replaced since."""


def size_of(event: Event) -> int:
    """Return how many bytes an event takes in a log, roughly."""
    return EVENT_BYTES + len(event.channel) + len(event.name) + len(event.text.encode())


class Broker(ABC):
    """
    A log of events that all processes share.

    An event's number is its place in the order in which events became visible, the same for
    everybody. The log is never empty: where nothing was published yet, it begins with a mark,
    an event of the channel "" that nobody hears. All methods but `listen` are synchronous and are
    called from any thread. `apps.sse.testing.BrokerContract` is the contract as tests.
    """

    def __init__(self, url: str = "") -> None:
        self.url = url

    @abstractmethod
    def append(self, event: Event) -> None:
        """
        Put the event at the end of the log.

        Inside a transaction of the default database it gets there when that commits, even if the
        process dies right then, and never if it is rolled back.
        """

    @abstractmethod
    def read(self, after: Position, limit: int, channels: Collection[str] | None = None) -> list[Event]:
        """
        Return the next events after a position in their order, `limit` at most, of some channels or all.

        Raises `Gap` if the log has no event at that position.
        """

    @abstractmethod
    def tail(self, limit: int) -> list[Event]:
        """Return the newest events in their order, at least one and `limit` at most."""

    def position(self) -> Position:
        """Return the newest position, or that of a replica if pages read from one."""
        return self.tail(1)[-1].position

    @abstractmethod
    def latest(self, channels: Collection[str]) -> list[Event]:
        """Return the newest durable event of each of these channels that has one, in their order."""

    @abstractmethod
    async def listen(self, wake: Callable[[], object]) -> None:
        """
        Call `wake` once it listens, and then whenever the log may have grown, until cancelled.

        Raises whatever went wrong if it cannot go on.
        """

    @abstractmethod
    def trim(self) -> int:
        """
        Drop what is past the retention, never the newest event, and return how many events that were.

        Age is measured by the log's own clock: the clocks of publishers may be wrong.
        """

    def sweep(self) -> None:  # noqa: B027
        """Bring into the log what a process that died after its commit has left behind; trim it now and then."""

    def close(self) -> None:  # noqa: B027
        """Let go of connections; whoever goes on using the broker gets new ones."""
