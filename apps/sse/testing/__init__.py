"""The test kit; see "Tests" in apps/sse/README.md."""

from ..wire.parser import ReceivedEvent
from .client import StreamClient
from .stream import AsyncStream, Refused, Stream

__all__ = ["AsyncStream", "ReceivedEvent", "Refused", "Stream", "StreamClient"]
