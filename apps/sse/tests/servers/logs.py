"""The texts of the events in a broker's log and in the outbox."""

from apps.sse.brokers import outbox


def log_texts(broker):
    """Return those in the log, the oldest first."""
    return [event.text for event in broker.tail(1000) if event.channel]


def outbox_texts():
    """Return those in the outbox, the oldest first."""
    return [event.text for event in outbox.oldest(1000).values()]
