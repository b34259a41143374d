"""The points of the page System, in three time ranges, and the values of the page Activity."""

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.sse import processes

BUCKET = processes.EVERY_SECONDS
"""Seconds per point in the shortest range. Buckets start at multiples of it."""

type Point = dict[str, Any]
"""Figures by name; None if unknown."""


@dataclass(frozen=True)
class Range:
    """A range of `length` seconds with a point every `step` seconds."""

    name: str
    label: Promise
    every: Promise
    step: int
    length: int


MINUTES = Range("minutes", _("5 minutes"), _("3 seconds"), BUCKET, 300)
HOUR = Range("hour", _("1 hour"), _("30 seconds"), 30, 3600)
DAY = Range("day", _("24 hours"), _("10 minutes"), 600, 86_400)

RANGES = {each.name: each for each in (MINUTES, HOUR, DAY)}


class Summary(models.Model):
    """
    The figures of all processes over `step` seconds.

    `durations` is the histogram of response times, the number in each bucket; only the shortest range has it.
    """

    step = models.PositiveIntegerField(_("seconds"))
    bucket = models.BigIntegerField(_("start, in unix seconds"))
    point = models.JSONField(_("figures"))
    durations = models.JSONField(_("histogram of response times"), null=True)

    class Meta:
        verbose_name = _("summary")
        verbose_name_plural = _("summaries")
        constraints = [models.UniqueConstraint(fields=["step", "bucket"], name="one_summary_per_step")]

    def __str__(self) -> str:
        return f"{self.bucket} +{self.step}"


class Rollup(models.Model):
    """The value of a figure in a finished hour or day of the site's time zone."""

    class Step(models.TextChoices):
        HOUR = "hour", _("hour")
        DAY = "day", _("day")

    figure = models.CharField(_("figure"), max_length=100)
    step = models.CharField(_("step"), max_length=4, choices=Step)
    start = models.DateTimeField(_("start"))
    value = models.FloatField(_("value"))
    computed_at = models.DateTimeField(_("computed at"))

    class Meta:
        verbose_name = _("value of a figure")
        verbose_name_plural = _("values of figures")
        constraints = [models.UniqueConstraint(fields=["figure", "step", "start"], name="one_value_per_step")]
        default_permissions = ()
        permissions = [("view_activity", _("Can view Activity")), ("view_system", _("Can view System"))]

    def __str__(self) -> str:
        return f"{self.figure} {self.start}"
