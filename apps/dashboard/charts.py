"""The charts of the page System: their series, units and texts."""

from dataclasses import dataclass

from django.template.defaultfilters import floatformat
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

UNKNOWN = "–"

type Text = str | Promise


@dataclass(frozen=True)
class Series:
    """A value of a point, divided by `scale` and shown with `digits` decimal places."""

    name: str
    label: Text
    unit: Text = ""
    digits: int = 0
    scale: int = 1

    def text(self, point: dict | None) -> str:
        """Return the formatted value without its unit; a dash if it is unknown."""
        value = point.get(self.name) if point else None
        return UNKNOWN if value is None else floatformat(value / self.scale, f"{self.digits}g")


@dataclass(frozen=True)
class Chart:
    """
    A diagram of series with the same unit.

    `note` explains them; `missing` replaces it if the first one is unknown. The axis shows `unit` after
    its numbers. It starts at 0 and ends at `soft_max`, or at the highest value if that is more.
    """

    title: Text
    series: tuple[Series, ...]
    note: Text
    missing: Text = ""
    unit: Text = ""
    soft_max: int = 1
    is_wide: bool = False

    def text(self, point: dict | None) -> Text:
        """Return the note of the chart at a point."""
        return self.missing if point and point.get(self.series[0].name) is None else self.note


CHARTS = [
    Chart(
        _("Requests"),
        (
            Series("requests", _("answered"), _("per second"), digits=1),
            Series("errors", _("server errors"), _("per second"), digits=1),
        ),
        _("An open stream counts as one request."),
        unit=_("/s"),
        is_wide=True,
    ),
    Chart(
        _("Response time"),
        (Series("median", _("median"), _("ms"), digits=1), Series("p95", _("95th percentile"), _("ms"), digits=1)),
        _("Until the response begins."),
        missing=_("No requests in the last minute."),
        unit=_(" ms"),
        soft_max=10,
        is_wide=True,
    ),
    Chart(
        _("Open streams"),
        (Series("streams", _("open")),),
        _("Live parts of pages that are open now."),
        soft_max=4,
        is_wide=True,
    ),
    Chart(
        _("Users online"),
        (Series("users", _("users")), Series("anonymous", _("guests"))),
        _("One guest per open stream."),
        soft_max=4,
    ),
    Chart(
        _("Events published"),
        (Series("published", _("published"), _("per second"), digits=1),),
        _("Counted once, however many subscribers receive it."),
        unit=_("/s"),
    ),
    Chart(
        _("Events delivered"),
        (Series("delivered", _("delivered"), _("per second"), digits=1),),
        _("Counted once for every stream that receives it."),
        unit=_("/s"),
    ),
    Chart(
        _("Database queries"),
        (Series("queries", _("sent"), _("per second"), digits=1),),
        _("Includes the queries of this page."),
        unit=_("/s"),
        soft_max=4,
    ),
    Chart(
        _("Task queue"),
        (Series("queued", _("waiting")), Series("running", _("running"))),
        _("Background tasks in all workers. A dash: waiting tasks are not kept in the database."),
        soft_max=4,
    ),
    Chart(
        _("CPU"),
        (Series("cpu", _("used"), "%", digits=1),),
        _("100% is one core."),
        unit="%",
        soft_max=10,
    ),
    Chart(
        _("Memory"),
        (Series("memory", _("resident"), _("MiB"), scale=1024 * 1024),),
        _("Memory that processes share is counted in each of them."),
        unit=_(" MiB"),
        soft_max=100,
    ),
]
