"""
Help for tests: a client that hears streams, and the contract that brokers keep.

    with StreamClient(self.client).open("/api/feed/stream/") as stream:
        with self.captureOnCommitCallbacks(execute=True):
            publish("feed", "post", {"title": "Hello"})
        stream.assert_event("post", {"title": "Hello"})

The README's "Testing your streams" says how that goes with transactions and with async tests.
"""

from .client import StreamClient
from .contract import BrokerContract
from .parser import Heard
from .stream import AsyncStream, Refused, Stream

__all__ = ["AsyncStream", "BrokerContract", "Heard", "Refused", "Stream", "StreamClient"]
