"""
Server-Sent Events for Django: `SSEView` streams, `DjustSSE` shows.

The public names are these; everything else may change.
"""

from . import connections
from .events import Event, Position, sse_comment, sse_event
from .publishing import aposition, apublish, position, publish
from .shared import shared
from .views import SSEMixin, SSEView

__all__ = [
    "Event",
    "Position",
    "SSEMixin",
    "SSEView",
    "aposition",
    "apublish",
    "connections",
    "position",
    "publish",
    "shared",
    "sse_comment",
    "sse_event",
]
