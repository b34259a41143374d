"""The open streams of this process, summed up for its statistics."""

from collections import Counter, defaultdict
from typing import Any

from ..stats import metrics
from . import registry

# Pairs of a user and a view in one row, so that its size is bounded.
MAX_USERS = 1000


def watch() -> None:
    """Add the open streams to this process's statistics."""
    metrics.sections["streams"] = streams
    metrics.gauges["connections"] = registry.open_streams
    metrics.gauges["backlog_connections"] = lambda: sum(size > 0 for size in _backlogs())
    metrics.gauges["backlog_bytes"] = lambda: sum(_backlogs())


def streams() -> dict[str, Any]:
    """
    Return the open streams of this process, by view and by user.

    `users` has for each view the number of streams of each user, by primary key as text: of the
    `MAX_USERS` pairs with the most streams. `signed_in` counts the streams of all users, `online` the users.
    """
    views: Counter[str] = Counter()
    users: Counter[tuple[str, str]] = Counter()
    for connection in registry.all_open():
        views[connection.name] += 1
        if connection.client.user_pk is not None:
            users[connection.name, str(connection.client.user_pk)] += 1
    shown: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (view, pk), number in users.most_common(MAX_USERS):
        shown[view][pk] = number
    online = len({pk for _, pk in users})
    return {"views": dict(views), "users": shown, "signed_in": users.total(), "online": online}


def _backlogs() -> list[int]:
    return [connection.backlog_bytes for connection in registry.all_open()]
