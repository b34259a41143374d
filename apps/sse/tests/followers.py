"""A follower that records its events, and a broker that fails on command."""

import asyncio

from apps.sse.brokers import get_broker
from apps.sse.brokers.memory import MemoryBroker
from apps.sse.wire.events import Event

TIMEOUT_SECONDS = 10


class RecordingFollower:
    """A follower that records its events, and the reason why it was dropped."""

    send = None

    def __init__(self, *channels, latest=False):
        self.channels = channels
        self.latest = latest
        self.events = []
        self.position = None
        self.drop_reason = ""
        self.is_ended = False

    def deliver(self, events, message):
        assert message["body"] == b"".join(event.frame for event in events)
        self.events += events
        self.position = events[-1].position
        return len(events)

    async def drain(self):
        await asyncio.sleep(0)

    def drop(self, reason):
        self.drop_reason = reason

    def on_send_error(self, error):
        self.drop("failed")

    @property
    def texts(self):
        return [event.text for event in self.events]


def append_event(channel, text, *, name="e", durable=True):
    """Append an event to the log, as `publish` does at the commit."""
    get_broker()._append(Event(channel=channel, name=name, text=text, durable=durable))


async def until(condition):
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


class FlakyBroker(MemoryBroker):
    """A broker that cannot be read or listened to while `is_down`; it counts its reads."""

    is_blocking = True

    def __init__(self, url=""):
        super().__init__(url)
        self.is_down = False
        self.reads = 0

    def read(self, after, limit, channels=None):
        self.reads += 1
        self._check()
        return super().read(after, limit, channels)

    def tail(self, limit):
        self._check()
        return super().tail(limit)

    def latest(self, channels):
        self.reads += 1
        self._check()
        return super().latest(channels)

    async def listen(self, wake):
        listening = asyncio.ensure_future(super().listen(wake))
        try:
            while not self.is_down:
                await asyncio.wait({listening}, timeout=0.01)
            self._check()
        finally:
            listening.cancel()

    def _check(self):
        if self.is_down:
            raise ConnectionError("the broker is down")
