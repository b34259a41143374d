"""The times that a page can show, and how far apart their points are."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import BUCKET


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

SUMMARISED = (HOUR, DAY)
RANGES = {each.name: each for each in (MINUTES, *SUMMARISED)}
