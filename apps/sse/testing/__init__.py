"""
Test kit: a client that opens streams.

    with StreamClient(self.client).open("/api/feed/stream/") as stream:
        with self.captureOnCommitCallbacks(execute=True):
            publish("feed", "post", {"title": "Hello"})
        stream.assert_event("post", {"title": "Hello"})

See "Tests" in apps/sse/README.md for transactions and async tests.
"""

from ..wire.parser import ReceivedEvent
from .client import StreamClient
from .stream import AsyncStream, Refused, Stream

__all__ = ["AsyncStream", "ReceivedEvent", "Refused", "Stream", "StreamClient"]
