"""The control events of a stream: it begins, has lost the client's position, or is finished."""

from ..stats import metrics
from ..wire.events import Position, sse_event
from ..wire.ids import FINISHED


def reset_frame(reason: str) -> str:
    """Return the event that tells a client that it may have missed something, and to fetch anew."""
    metrics.counts["resets"] += 1
    return sse_event({"reason": reason}, event="sse:reset")


def open_frame(position: Position) -> str:
    """Return the event that gives a client the position at which its stream begins."""
    # With data, since many clients ignore the id of an event that has none.
    return sse_event({}, event="sse:open", id=str(position))


END_FRAME = sse_event({}, event="sse:end", id=FINISHED)
