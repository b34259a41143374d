"""
Test kit: a client that opens streams, and the contract tests for brokers.

    with StreamClient(self.client).open("/api/feed/stream/") as stream:
        with self.captureOnCommitCallbacks(execute=True):
            publish("feed", "post", {"title": "Hello"})
        stream.assert_event("post", {"title": "Hello"})

See "Testing your streams" in README.md for transactions and async tests.
"""

from .client import StreamClient
from .contract import BrokerContract
from .parser import Heard
from .stream import AsyncStream, Refused, Stream

__all__ = ["AsyncStream", "BrokerContract", "Heard", "Refused", "Stream", "StreamClient"]
