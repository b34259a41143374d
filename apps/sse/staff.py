"""What staff may do to the open streams of all processes."""

from typing import Any

from . import connections
from .hub import control_handlers
from .publishing import publish_control

CHANNEL = "sse:control"


def close_view(name: str) -> None:
    """
    End the open streams of a view, named as in `connections.all_open()`, in every process.

    Inside a transaction it takes effect when that commits.
    """
    publish_control(CHANNEL, "close-view", {"view": name})


def _close_view(data: dict[str, Any]) -> None:
    connections.registry().end(lambda stream: stream.name == data["view"], "staff")


control_handlers["close-view"] = _close_view
