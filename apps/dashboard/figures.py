"""The figures of the page Activity, which apps declare in their `AppConfig`, and the events of their changes."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any
from zlib import crc32

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core import checks
from django.db import models, transaction
from django.db.models.functions import Cast
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.text import slugify

from apps.sse import publish

CHANNEL = "dashboard"
NEWEST = 5
WRITE = re.compile(r'(?:INSERT (?:OR \w+ )?INTO|(UPDATE)|DELETE FROM) "(\w+)"')
COLUMN = re.compile(r'"(\w+)"')
SET_COLUMN = re.compile(r'(?<!\.)"(\w+)" = ')


@dataclass(frozen=True, eq=False)
class Figure:
    """
    The number of a model's rows in each hour and day, or what `value` computes from them.

    `rows` is a manager or a query set that filters or annotates; it neither groups rows nor is distinct. `at` is
    the `DateTimeField` that places a row in time; the page needs an index on it. `value` is an aggregate such as
    `Sum("total")` or `Count("customer", distinct=True)`; None counts rows. It is shown with `digits` decimal
    places and `unit`. Users need `permission`, such as "shop.view_order", if it is set.

    Open pages change with each statement that Django sends for the model's table. These count within a minute: an
    UPDATE of columns that neither `rows` nor `at` nor `value` reads, which only changes the names of the newest
    rows; statements of `migrate`; a `bulk_create()` outside a transaction; rows of other tables.
    """

    label: str | Promise
    rows: Any
    at: str
    value: models.Aggregate | None = None
    unit: str | Promise = ""
    digits: int = 0
    permission: str = ""

    def __str__(self) -> str:
        return f"The figure {self.label!r}"

    @cached_property
    def key(self) -> str:
        """The app and the label that is not translated: part of ids on the page."""
        with translation.override(None):
            return slugify(f"{self.rows.model._meta.app_label}-{self.label}", allow_unicode=True)[:80]

    @cached_property
    def source(self) -> str:
        """The definition of the rows and their order, which figures may share."""
        return f"{self.rows.all().query} {self.at}"

    @cached_property
    def stored_as(self) -> str:
        """The key and a hash of the definition: another one needs other stored values."""
        return f"{self.key}-{crc32(f'{self.source} {self.value!r}'.encode()):08x}"

    @cached_property
    def columns(self) -> frozenset[str]:
        """The names of the columns that a value reads, and of tables; of all columns if one is generated."""
        fields, now = self.rows.model._meta.concrete_fields, timezone.now()
        if any(field.generated for field in fields):
            return frozenset(field.column for field in fields)
        return frozenset(COLUMN.findall(self.total(now, now).query.sql_with_params()[0]))

    @property
    def is_sum(self) -> bool:
        """Whether the value of a day is the sum of its hours; those of distinct counts and means are not."""
        return self.value is None or (
            isinstance(self.value, models.Count | models.Sum) and not getattr(self.value, "distinct", False)
        )

    def total(self, start: datetime, end: datetime, number: int = 0) -> models.QuerySet:
        """Return a query of `number` and the value of the rows from `start` on, before `end`."""
        value = Cast(self.value or models.Count("*"), models.FloatField())
        rows = self._within(start, end).order_by().values(figure_number=models.Value(number))
        return rows.annotate(figure_total=value).values_list("figure_number", "figure_total")

    def newest(self, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
        """Return the moments and names of the newest rows between two moments."""
        return [
            (getattr(row, self.at), str(row)) for row in self._within(start, end).order_by(f"-{self.at}")[:NEWEST]
        ]

    def _within(self, start: datetime, end: datetime) -> models.QuerySet:
        return self.rows.filter(**{f"{self.at}__gte": start, f"{self.at}__lt": end})

    def is_shown_to(self, user: Any) -> bool:
        """Return whether a user who may open the page may see the figure."""
        return not self.permission or user.has_perm(self.permission)

    def rows_are_shown_to(self, user: Any) -> bool:
        """Return whether a user may see the newest rows."""
        meta = self.rows.model._meta
        return user.has_perm(f"{meta.app_label}.{get_permission_codename('view', meta)}")


def declared() -> list[Figure]:
    """Return what the `figures()` of all apps return."""
    return [each for app in apps.get_app_configs() if hasattr(app, "figures") for each in app.figures(Figure)]


@cache
def all_figures() -> dict[str, Figure]:
    """Return the figures of all apps by key."""
    return {figure.key: figure for figure in declared()}


@cache
def by_table() -> dict[str, list[Figure]]:
    """Return the figures of each table."""
    found: dict[str, list[Figure]] = {}
    for figure in all_figures().values():
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


@checks.register
def check_figures(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check that each figure has a label of its own, rows to add up, and a `DateTimeField` with an index."""
    found: list[checks.CheckMessage] = []
    figures = {figure: figure.rows.model._meta for figure in declared()}
    keys = Counter(figure.key for figure in figures)
    for figure, meta in figures.items():
        fields = {field.name: field for field in meta.get_fields() if isinstance(field, models.DateTimeField)}
        first = [index.fields[0].lstrip("-") for index in meta.indexes if index.fields]
        if keys[figure.key] > 1:
            found.append(
                checks.Error("Another figure of the app has this label.", obj=figure, id="dashboard.E001")
            )
        query = figure.rows.all().query
        if query.distinct or query.group_by or query.is_sliced or query.combinator:
            hint = "Filter them instead, for example with Exists() or pk__in."
            text = "`rows` is distinct, or it groups, slices or combines rows."
            found.append(checks.Error(text, hint=hint, obj=figure, id="dashboard.E003"))
        if figure.at not in fields:
            hint = f"Set `at` to a DateTimeField of {meta.label}: {', '.join(fields) or 'it has none'}."
            found.append(checks.Error(f"{figure.at!r} is none.", hint=hint, obj=figure, id="dashboard.E002"))
        elif not getattr(fields[figure.at], "db_index", False) and figure.at not in first:
            hint = "Set db_index=True, and run makemigrations."
            found.append(
                checks.Warning(f"{figure.at!r} has no index.", hint=hint, obj=figure, id="dashboard.W001")
            )
    return found
