"""The figures of the page Activity, which apps declare in their `AppConfig`."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any
from zlib import crc32

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core import checks
from django.db import connections, models
from django.db.models.functions import Cast
from django.db.models.manager import BaseManager
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.text import slugify

NEWEST = 5
COLUMN = re.compile(r'"(\w+)"')
NUMBERS = (models.IntegerField, models.FloatField, models.DecimalField)

logger = logging.getLogger(__name__)


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

    def value_problem(self) -> str:
        """Return why `value` is no number of the rows, or an empty string."""
        now = timezone.now()
        try:
            query = self.total(now, now).query
            [value] = query.annotations["figure_total"].get_source_expressions()
            if not value.contains_aggregate:
                return f"`value` is {self.value!r}, which is not an aggregate."
            if not isinstance(value.output_field, NUMBERS):
                return f"`value` is {self.value!r}, a {type(value.output_field).__name__} and not a number."
            query.sql_with_params()
        except Exception as error:
            return f"`value` is {self.value!r}, which fails. {type(error).__name__}: {error}"
        return ""

    def newest(self, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
        """Return the moments and names of the newest rows between two moments."""
        return [
            (getattr(row, self.at), str(row)) for row in self._within(start, end).order_by(f"-{self.at}")[:NEWEST]
        ]

    def _within(self, start: datetime, end: datetime) -> models.QuerySet:
        return self.rows.filter(**{f"{self.at}__gte": start, f"{self.at}__lt": end})

    def is_migrated(self) -> bool:
        """Return whether the table exists, with all columns of the model."""
        connection, meta = connections[self.rows.db], self.rows.model._meta
        with connection.cursor() as cursor:
            if meta.db_table not in connection.introspection.table_names(cursor, include_views=True):
                return False
            columns = {each.name for each in connection.introspection.get_table_description(cursor, meta.db_table)}
        return columns.issuperset(field.column for field in meta.local_concrete_fields)

    def is_shown_to(self, user: Any) -> bool:
        """Return whether a user who may open the page may see the figure."""
        return not self.permission or user.has_perm(self.permission)

    def rows_are_shown_to(self, user: Any) -> bool:
        """Return whether a user may see the newest rows."""
        return user.has_perm(view_permission(self.rows.model._meta))


def declared() -> Iterator[tuple[str, Any]]:
    """Yield the name of each app with each figure of its `figures()`, or with the exception that this raises."""
    for app in apps.get_app_configs():
        if hasattr(app, "figures"):
            try:
                yield from [(app.name, each) for each in app.figures(Figure)]
            except Exception as error:
                yield app.name, error


def validate() -> tuple[dict[str, Figure], list[checks.CheckMessage]]:
    """Return the valid figures of all apps by key, and the problems of all."""
    valid: dict[str, Figure] = {}
    found: list[checks.CheckMessage] = []
    for app, figure in declared():
        problems = [*problems_of(figure)]
        if not any(each.is_serious() for each in problems) and valid.setdefault(figure.key, figure) is not figure:
            problems.append(checks.Error("Another figure of the model has this label.", id="dashboard.E001"))
        for each in problems:
            each.obj = f"{figure if isinstance(figure, Figure) else 'figures()'} of {app}"
        found += problems
    return valid, found


@cache
def valid_figures() -> dict[str, Figure]:
    """Return the valid figures of all apps by key, and log what is wrong with the others."""
    figures, problems = validate()
    for each in problems:
        if each.is_serious():
            logger.error("%s", each)
    return figures


migrated: set[Figure] = set()
"""The figures whose tables were found."""


def all_figures() -> dict[str, Figure]:
    """Return the valid figures of all apps by key, without those whose tables `migrate` has not made yet."""
    for figure in {*valid_figures().values()} - migrated:
        if figure.is_migrated():
            migrated.add(figure)
        else:
            logger.warning("%s is left out until its table is there. Run: python manage.py migrate", figure)
    return {key: figure for key, figure in valid_figures().items() if figure in migrated}


@checks.register
def check_figures(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check what the apps declare."""
    return validate()[1]


def problems_of(figure: Any) -> Iterator[checks.CheckMessage]:
    """Yield what is wrong with what an app declares; one with an error is left out."""
    if not isinstance(figure, Figure):
        text = f"{type(figure).__name__}: {figure}" if isinstance(figure, Exception) else f"It returns {figure!r}."
        hint = "It returns a list of figure(label, rows, at=...)."
        yield checks.Error(text, hint=hint, id="dashboard.E004")
        return
    if not isinstance(figure.rows, BaseManager | models.QuerySet):
        text = f"`rows` is {figure.rows!r}, neither a manager nor a query set."
        yield checks.Error(text, hint="Set it to the `objects` of a model.", id="dashboard.E005")
        return
    meta, query = figure.rows.model._meta, figure.rows.all().query
    fields = {field.name: field for field in meta.get_fields() if isinstance(field, models.DateTimeField)}
    first = [index.fields[0].lstrip("-") for index in meta.indexes if index.fields]
    if query.distinct or query.group_by or query.is_sliced or query.combinator:
        hint = "Filter them instead, for example with Exists() or pk__in."
        text = "`rows` is distinct, or it groups, slices or combines rows."
        yield checks.Error(text, hint=hint, id="dashboard.E003")
    elif figure.at not in fields:
        hint = f"Set `at` to a DateTimeField of {meta.label}: {', '.join(fields) or 'it has none'}."
        text = f"`at` is {figure.at!r}, which is not a DateTimeField of {meta.label}."
        yield checks.Error(text, hint=hint, id="dashboard.E002")
    elif text := figure.value_problem():
        hint = 'Set `value` to an aggregate of numbers, such as Sum("total").'
        yield checks.Error(text, hint=hint, id="dashboard.E006")
    elif not getattr(fields[figure.at], "db_index", False) and figure.at not in first:
        hint = "Set db_index=True, and run makemigrations."
        yield checks.Warning(f"{figure.at!r} has no index.", hint=hint, id="dashboard.W001")
    if figure.permission and figure.permission not in permissions():
        hint = f"Set it to an app and a permission, such as {view_permission(meta)!r}."
        text = f"`permission` is {figure.permission!r}, which no model has: only superusers see the figure."
        yield checks.Warning(text, hint=hint, id="dashboard.W002")


def permissions() -> Iterator[str]:
    """Yield the permissions of all models."""
    for meta in (model._meta for model in apps.get_models()):
        names = [get_permission_codename(action, meta) for action in meta.default_permissions]
        yield from (f"{meta.app_label}.{name}" for name in (*names, *(name for name, _ in meta.permissions)))


def view_permission(meta: Any) -> str:
    """Return the permission to view a model."""
    return f"{meta.app_label}.{get_permission_codename('view', meta)}"
