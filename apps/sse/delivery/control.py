"""Messages between the processes of a site: events on a channel that no client can follow."""

import logging
from collections.abc import Iterable
from typing import Any

from django.dispatch import Signal

from ..brokers import get_broker
from ..wire.events import CONTROL_PREFIX, Event, encode_data

CHANNEL = f"{CONTROL_PREFIX}control"

# Sent on the event loop with each message, an `event`; `is_new`: logged since the loop follows the log.
received = Signal()
# Sent on the event loop when messages may be lost, with a `reason`.
lost = Signal()

logger = logging.getLogger("apps.sse")


def send(name: str, data: Any) -> None:
    """Send a message to all processes; inside a transaction, at its commit."""
    get_broker().append(Event(channel=CHANNEL, name=name, text=encode_data(data)))


def dispatch(events: Iterable[Event], *, is_new: bool = True) -> None:
    """Send messages to the receivers of `received`; errors of receivers are logged."""
    for event in events:
        for _, error in received.send_robust(sender=None, event=event, is_new=is_new):
            if isinstance(error, Exception):
                # Another version of this library may have sent it.
                logger.error("A message from another process failed: %r.", event.name, exc_info=error)
