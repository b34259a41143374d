"""What a process's row holds: what it has counted, and its open streams."""

import time
from collections import Counter, defaultdict
from typing import Any

from . import connections, metrics

# Pairs of a user and a view in one row, so that its size is bounded.
MAX_USERS = 1000


def report() -> dict[str, Any]:
    """
    Return the content of this process's row, which is JSON.

    `seconds` is the time since the counts began.
    """
    return {
        "seconds": time.monotonic() - metrics.began,
        "counts": {**metrics.counts, "cpu_seconds": time.process_time()},
        "hang_ups": dict(metrics.hang_ups),
        "gauges": {name: value() for name, value in metrics.gauges.items()},
        "histograms": {name: vars(histogram) for name, histogram in metrics.histograms.items()},
        "streams": streams(),
    }


def streams() -> dict[str, Any]:
    """
    Return the open streams of this process, by view and by user.

    `users` has for each view the number of streams of each user, by primary key as text: of the
    `MAX_USERS` pairs with the most streams. `signed_in` counts the streams of all users, `online` the users.
    """
    views: Counter[str] = Counter()
    users: Counter[tuple[str, str]] = Counter()
    for connection in connections.all_open():
        views[connection.name] += 1
        if connection.client.user_pk is not None:
            users[connection.name, str(connection.client.user_pk)] += 1
    shown: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (view, pk), number in users.most_common(MAX_USERS):
        shown[view][pk] = number
    online = len({pk for _, pk in users})
    return {"views": dict(views), "users": shown, "signed_in": users.total(), "online": online}


def watch() -> None:
    """Report what the open streams hold back."""
    metrics.gauges["connections"] = connections.open_streams
    metrics.gauges["backlog_connections"] = lambda: sum(size > 0 for size in _backlogs())
    metrics.gauges["backlog_bytes"] = lambda: sum(_backlogs())


def _backlogs() -> list[int]:
    return [connection.backlog_bytes for connection in connections.all_open()]
