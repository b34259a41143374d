"""The database connections of the current thread."""

from django.db import connections


def release_connections() -> None:
    """Close this thread's connections, or return them to their pool, except in the middle of a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def use_unpooled_connections() -> None:
    """
    Give this thread connections of its own instead of pooled ones.

    They stay open until `connections.close_all()`. Requests that use up the pool do not delay this thread.
    """
    for alias in connections:
        own = connections.create_connection(alias)
        options = {name: value for name, value in own.settings_dict["OPTIONS"].items() if name != "pool"}
        if options != own.settings_dict["OPTIONS"]:
            own.settings_dict = {**own.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": None}
            connections[alias] = own
