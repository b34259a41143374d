"""The events of changes of figures, which are found in the statements that Django sends."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from django.db import transaction

from apps.sse import publish

from .figures import Figure, valid_figures

CHANNEL = "dashboard"
WRITE = re.compile(r'(?:INSERT (?:OR \w+ )?INTO|(UPDATE)|DELETE FROM) "(\w+)"')
SET_COLUMN = re.compile(r'(?<!\.)"(\w+)" = ')


@cache
def by_table() -> dict[str, list[Figure]]:
    """Return the figures of each table."""
    found: dict[str, list[Figure]] = {}
    for figure in valid_figures().values():
        found.setdefault(figure.rows.model._meta.db_table, []).append(figure)
    return found


class Announcement(set[str]):
    """The keys of figures that a transaction changes: published once, after the commit."""

    def __call__(self) -> None:
        publish(CHANNEL, "changed", sorted(self), durable=False)


migrating: set[str] = set()
"""The databases that `migrate` is changing: there may be no table of events yet."""


def note_change(connection: Any, table: str, columns: Iterable[str] = ()) -> None:
    """
    Publish which figures a change of a table concerns: at the commit, or now without a transaction.

    A change of these columns only, such as that of `last_login` by a login, concerns the figures that read one.
    """
    if connection.alias in migrating:
        return
    keys = {each.key for each in by_table().get(table, ()) if not columns or each.columns.intersection(columns)}
    if not keys or not (connection.in_atomic_block or connection.get_autocommit()):
        return
    waiting = [each for _, each, *_ in connection.run_on_commit if isinstance(each, Announcement)]
    if waiting:
        waiting[-1].update(keys)
    else:
        transaction.on_commit(Announcement(keys), using=connection.alias, robust=True)


def note_writes(execute, sql, params, many, context):
    """Note what a statement changes. Bulk statements, such as `QuerySet.update()`, send no signals."""
    result = execute(sql, params, many, context)
    written = WRITE.match(sql) if isinstance(sql, str) else None
    # The flush after a test ends its statements with a semicolon.
    if written and written[2] in by_table() and not sql.endswith(";"):
        connection = context["connection"]
        # Outside a transaction SQLite commits an INSERT when its RETURNING was read: `post_save` is after that.
        if connection.in_atomic_block or "RETURNING" not in sql:
            note_change(connection, written[2], SET_COLUMN.findall(sql) if written[1] else ())
    return result


def note_save(sender, using, update_fields, **kwargs) -> None:
    """Note what a saved row changes."""
    columns = [sender._meta.get_field(name).column for name in update_fields or ()]
    note_change(transaction.get_connection(using), sender._meta.db_table, columns)


def watch(connection, **kwargs) -> None:
    """Note the writes of a new connection."""
    if note_writes not in connection.execute_wrappers:
        connection.execute_wrappers.append(note_writes)
