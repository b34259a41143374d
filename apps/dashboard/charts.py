"""What the page shows of each point, and in which words."""

from dataclasses import dataclass

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext_lazy as _

UNKNOWN = "–"


@dataclass(frozen=True)
class Figure:
    """A number of a point, divided by `scale` and shown with so many `digits` after the decimal sign."""

    name: str
    label: str
    unit: str = ""
    digits: int = 0
    scale: int = 1

    def text(self, point: dict | None) -> str:
        """Return the number as it is read, without its unit; a dash if it is not known."""
        value = point[self.name] if point else None
        return UNKNOWN if value is None else floatformat(value / self.scale, f"{self.digits}g")


@dataclass(frozen=True)
class Chart:
    """
    Figures of one unit, drawn together.

    `note` says what they mean and `missing` stands there when the first one is not known. The
    axis has `unit` behind its numbers, begins at 0 and reaches `least`, or the highest value if
    that is more.
    """

    title: str
    figures: tuple[Figure, ...]
    note: str
    missing: str = ""
    unit: str = ""
    least: int = 1

    def text(self, point: dict | None) -> str:
        """Return what is to be said under the chart."""
        return self.missing if point and point[self.figures[0].name] is None else self.note


CHARTS = [
    Chart(
        _("Requests"),
        (Figure("requests", _("answered"), _("per second"), digits=1),),
        _("An open stream counts as one request."),
        unit=_("/s"),
    ),
    Chart(
        _("Response time"),
        (Figure("median", _("median"), _("ms"), digits=1), Figure("p95", _("95th percentile"), _("ms"), digits=1)),
        _("Of the last minute’s requests."),
        missing=_("No request was answered in the last minute."),
        unit=_(" ms"),
        least=10,
    ),
    Chart(
        _("Users online"),
        (Figure("users", _("logged in")), Figure("anonymous", _("guests"))),
        _("Guests are counted by stream."),
        least=4,
    ),
    Chart(
        _("Open streams"),
        (Figure("streams", _("open")),),
        _("Pages kept up to date at this moment."),
        least=4,
    ),
    Chart(
        _("Events published"),
        (Figure("published", _("published"), _("per second"), digits=1),),
        _("Each counts once, however many hear it."),
        unit=_("/s"),
    ),
    Chart(
        _("Events delivered"),
        (Figure("delivered", _("delivered"), _("per second"), digits=1),),
        _("Each counts once for every stream that it is written to."),
        unit=_("/s"),
    ),
    Chart(
        _("Database queries"),
        (Figure("queries", _("sent"), _("per second"), digits=1),),
        _("Those of this page included."),
        unit=_("/s"),
        least=4,
    ),
    Chart(
        _("Task queue"),
        (Figure("queued", _("waiting")), Figure("running", _("running"))),
        _("Background tasks, in all workers."),
        missing=_("Waiting tasks are not kept in the database."),
        least=4,
    ),
    Chart(
        _("CPU"),
        (Figure("cpu", _("used"), "%", digits=1),),
        _("100% is one core."),
        unit="%",
        least=10,
    ),
    Chart(
        _("Memory"),
        (Figure("memory", _("resident"), "MiB", scale=1024 * 1024),),
        _("What processes share counts in each."),
        unit=" MiB",
        least=100,
    ),
]
