"""What a process answers when it is asked: what it has counted, and who has streams open."""

from collections import Counter
from typing import Any

from . import census, connections, metrics

# Rows of users in one answer, which has to fit into an event.
MOST_ROWS = 200


def figures() -> dict[str, Any]:
    """Return what this process has counted since it started, and what its open streams hold back."""
    backlogs = [connection.backlog_bytes for connection in connections.all_open()]
    return {
        "connections": len(backlogs),
        "backlog_connections": sum(size > 0 for size in backlogs),
        "backlog_bytes": sum(backlogs),
        "counts": dict(metrics.counts),
        "hang_ups": dict(metrics.hang_ups),
        "delay_buckets": metrics.delay.buckets,
        "delay_sum": metrics.delay.sum,
    }


def streams() -> dict[str, Any]:
    """
    Return the open streams of this process, by view and by user.

    `users` has rows of a user's primary key as text, the view, and how many: those with the most,
    `MOST_ROWS` of them.
    """
    views: Counter[str] = Counter()
    users: Counter[tuple[str, str]] = Counter()
    for connection in connections.all_open():
        views[connection.name] += 1
        if connection.client.user_pk is not None:
            users[str(connection.client.user_pk), connection.name] += 1
    return {
        "views": dict(views),
        "signed_in": users.total(),
        "users": [[pk, view, number] for (pk, view), number in users.most_common(MOST_ROWS)],
    }


census.topics.update({"figures": figures, "streams": streams})
