"""
Server-Sent Events for Django: `SSEView` streams, `DjustSSE` shows.

The public names are these; everything else may change.
"""

from . import connections
from .events import sse_comment, sse_event
from .shared import shared
from .views import SSEMixin, SSEView

__all__ = ["SSEMixin", "SSEView", "connections", "shared", "sse_comment", "sse_event"]
