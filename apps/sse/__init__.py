"""
Server-Sent Events for Django: `SSEView` streams, `DjustSSE` shows.

The public names are these; everything else may change.
"""

from . import connections
from .closing import aclose_streams, close_streams
from .events import Event, Position, sse_comment, sse_event
from .publishing import aposition, apublish, position, publish
from .shared import shared
from .views import SSEMixin, SSEView

__all__ = [
    "Event",
    "Position",
    "SSEMixin",
    "SSEView",
    "aclose_streams",
    "aposition",
    "apublish",
    "close_streams",
    "connections",
    "position",
    "publish",
    "shared",
    "sse_comment",
    "sse_event",
]
