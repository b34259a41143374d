"""
Server-Sent Events for Django: `SSEView` sends events, `DjustSSE` in the browser applies them.

The names in `__all__` are public. Everything else may change.
"""

from .access.identity import address_of
from .access.limits import rate_limited, retry_after
from .access.revocation import aclose_streams, close_streams
from .pages import LivePageMixin, live_page, page_position
from .publishing import aposition, apublish, apublish_html, position, publish, publish_html
from .stats import metrics, processes
from .stream import registry as connections
from .stream.shared import shared
from .views import SSEMixin, SSEView
from .wire.events import Event, Position, sse_comment, sse_event

__version__ = "1.0.0"

__all__ = [
    "Event",
    "LivePageMixin",
    "Position",
    "SSEMixin",
    "SSEView",
    "aclose_streams",
    "address_of",
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
