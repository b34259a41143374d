"""
Server-Sent Events for Django: `SSEView` sends events, `DjustSSE` in the browser applies them.

The names in `__all__` are public. Everything else may change.
"""

from . import connections, metrics, processes
from .closing import aclose_streams, close_streams
from .events import Event, Position, sse_comment, sse_event
from .limits import rate_limited, retry_after
from .pages import LivePageMixin, live_page, page_position
from .publishing import aposition, apublish, apublish_html, position, publish, publish_html
from .shared import shared
from .views import SSEMixin, SSEView

__version__ = "1.0.0"

__all__ = [
    "Event",
    "LivePageMixin",
    "Position",
    "SSEMixin",
    "SSEView",
    "aclose_streams",
    "aposition",
    "apublish",
    "apublish_html",
    "close_streams",
    "connections",
    "live_page",
    "metrics",
    "page_position",
    "position",
    "processes",
    "publish",
    "publish_html",
    "rate_limited",
    "retry_after",
    "shared",
    "sse_comment",
    "sse_event",
]
