"""What a broker's log and the outbox hold, as the texts of their events."""

from apps.sse.brokers import outbox


def log_of(broker):
    """Return the newest events that were published, the oldest first."""
    return [event.text for event in broker.tail(1000) if event.channel]


def waiting():
    """Return the events that wait for the log, the oldest first."""
    return [event.text for event in outbox.oldest(1000).values()]
