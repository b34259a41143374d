"""Checks that each client received what was published."""

from .clients import Client
from .publisher import Publisher

CHANNELS = {"/every/": {"news", "more"}, "/newest/": {"news"}, "/subscribed/": {"news"}}


def missing(clients: list[Client], publisher: Publisher) -> list[str]:
    """Return which clients lack an event that was certainly published."""
    return [f"{client.name} {text}" for client in clients if (text := _missing(client, publisher))]


def violations(clients: list[Client], publisher: Publisher) -> list[str]:
    """Return what is missing, and what was received twice, in the wrong order, or after a rollback."""
    wrong = [f"{client.name} received {text}" for client in clients for text in _wrong(client, publisher)]
    return missing(clients, publisher) + wrong


def _missing(client: Client, publisher: Publisher) -> str:
    is_latest = client.path == "/newest/"
    sent = publisher.sent[0 if client.since or is_latest else client.first :]
    own = [s for s in sent if s.is_durable and s.channel in CHANNELS[client.path]]
    certain = [s.text for s in own if s.is_certain]
    if is_latest and certain:
        # A later event that may have been published counts, too.
        newest = own[[s.text for s in own].index(certain[-1]) :]
        return "" if {s.text for s in newest} & {*client.received} else f"lacks the newest event {certain[-1]}"
    missed = [text for text in certain if text not in client.received]
    return f"missed {missed}" if missed and not is_latest else ""


def _wrong(client: Client, publisher: Publisher) -> list[str]:
    wrong = []
    if len(set(client.received)) < len(client.received):
        wrong.append(f"an event twice: {client.received}")
    for channel in CHANNELS[client.path]:
        published = [s.text for s in publisher.sent if s.channel == channel and s.text in client.received]
        received = [text for text in client.received if text in published]
        if received != published:
            wrong.append(f"events of {channel} in the wrong order: {received}")
    if rolled_back := {s.text for s in publisher.rolled_back} & {*client.received}:
        wrong.append(f"events that were rolled back: {rolled_back}")
    if client.resets:
        wrong.append(f"sse:reset: {client.resets}")
    return wrong
