"""Messages between the processes of a site: events on a channel that no client can follow."""

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


def send(name: str, data: Any) -> None:
    """Send a message to all processes; inside a transaction, at its commit."""
    get_broker().append(Event(channel=CHANNEL, name=name, text=encode_data(data)))


def dispatch(events: Iterable[Event], *, is_new: bool = True) -> None:
    """Send messages to the receivers of `received`; Django logs errors over those of another version."""
    for event in events:
        received.send_robust(sender=None, event=event, is_new=is_new)
