"""The cards of the page Activity, rendered once in a process for all its viewers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.template.defaultfilters import floatformat
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.sse import Event, Position, SSEView, shared, sse_event

from .changes import CHANNEL
from .figures import Figure, all_figures
from .rollups import DAY, HOUR, Numbers, measure

PAUSE_SECONDS = 1
WIDTH = 10
"""The width of an hour or a day in the chart, whose height is 100."""


class Span(NamedTuple):
    """A range of `length` hours or days."""

    name: str
    label: str | Promise
    before: str | Promise
    step: str
    length: int

    @property
    def now(self) -> str:
        """The name of the hour or day that is not finished."""
        return _("this hour") if self.step == HOUR else _("today")

    @property
    def format(self) -> str:
        """The format of the starts of the hours or days."""
        return "H:i" if self.step == HOUR else "MONTH_DAY_FORMAT"


SPANS = {
    span.name: span
    for span in (
        Span("day", gettext_lazy("24 hours"), gettext_lazy("the 24 hours before"), HOUR, 24),
        Span("week", gettext_lazy("7 days"), gettext_lazy("the 7 days before"), DAY, 7),
        Span("month", gettext_lazy("30 days"), gettext_lazy("the 30 days before"), DAY, 30),
    )
}


def render(span: Span, figure: Figure, numbers: Numbers) -> dict[str, str]:
    """Return the HTML of a card and of its newest rows by element id; times are in the site's zone."""
    with timezone.override(None):
        values, before = numbers.values[-span.length :], numbers.values[-2 * span.length : -span.length]
        labels = [date_format(timezone.localtime(start), span.format) for start in numbers.starts[-span.length :]]
        top = max(filter(None, (*values, *before)), default=0)
        context = {
            "figure": figure,
            "span": span,
            "value": text(figure, sum(filter(None, values)) if figure.is_sum else values[-1]),
            "change": change(values, before, span),
            "top": text(figure, top),
            "is_empty": not top,
            "bars": bars(values, top, 4, 3),
            "bars_before": bars(before, top, 9, 0.5),
            "width": WIDTH * span.length,
            "rows": [
                {"label": label, "now": text(figure, value), "before": text(figure, earlier), "x": WIDTH * index}
                for index, (label, value, earlier) in enumerate(zip(labels, values, before, strict=True))
            ],
        }
        return {
            figure.key: render_to_string("dashboard/_figure.html", context),
            newest_id(figure): render_to_string("dashboard/_figure.html#newest", {"newest": numbers.newest}),
        }


def newest_id(figure: Figure) -> str:
    """Return the id of the element with the newest rows."""
    return f"{figure.key}-newest"


def text(figure: Figure, value: float | None) -> str:
    """Return a formatted value; a dash if it is unknown."""
    return "–" if value is None else floatformat(value, f"{figure.digits}g")


def change(values: list[float | None], before: list[float | None], span: Span) -> str:
    """Return in words by how much the finished hours or days differ from the same ones of the range before."""
    pairs = [(0.0, 0.0)]
    for value, earlier in list(zip(values, before, strict=True))[:-1]:
        if value is not None and earlier is not None:
            pairs.append((value, earlier))
    now, then = map(sum, zip(*pairs, strict=True))
    if not then:
        return _("None in %(period)s") % {"period": span.before} if any(values) and {*before} == {0} else ""
    percent = f"{100 * (now - then) / then:+.0f}".replace("-", "−").replace("+0", "±0").replace("−0", "±0")
    return _("%(percent)s %% compared with %(period)s") % {"percent": percent, "period": span.before}


def bars(values: list[float | None], top: float, width: float, offset: float) -> str:
    """Return the SVG path of bars; unknown values have none."""
    heights = [(WIDTH * index + offset, 100 * value / top) for index, value in enumerate(values) if value and top]
    return "".join(f"M{x:g} 100v-{height:.4g}h{width:g}V100Z" for x, height in heights)


@shared
async def live_numbers(step: str) -> AsyncGenerator[dict[str, Numbers]]:
    """
    Yield the numbers of all figures, by key.

    A change is measured immediately, and further ones once a second. All figures are measured once a minute: an
    hour may have ended, a change may have sent no event, or its event may be lost.
    """
    numbers: dict[str, Numbers] = {}
    async with SSEView(event_id=Position).subscribe(CHANNEL) as events:
        keys, minute = None, 0
        while True:
            if minute != (minute := int(time.time() // 60)):
                keys = None
            numbers = numbers | await sync_to_async(measure)(step, keys)
            yield numbers
            keys = await changes(events, PAUSE_SECONDS) or await changes(events, 60 - time.time() % 60, first=True)


async def changes(events: AsyncIterable[Event], seconds: float, *, first: bool = False) -> set[str]:
    """Return the keys of the figures that change within some seconds; with `first`, return as soon as one has."""
    keys: set[str] = set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for event in events:
                keys.update(event.data)
                if first:
                    break
    return keys


@shared
async def live_cards(name: str, language: str) -> AsyncGenerator[dict[str, str]]:
    """Yield the events that show the cards of a range, by the ids of their elements."""
    cards: dict[str, str] = {}
    shown: Mapping[str, Numbers] = {}
    async for numbers in live_numbers(SPANS[name].step):
        new = {key: each for key, each in numbers.items() if each is not shown.get(key)}
        cards, shown = cards | await sync_to_async(events_for)(SPANS[name], language, new), numbers
        yield cards


def events_for(span: Span, language: str, numbers: Mapping[str, Numbers]) -> dict[str, str]:
    """Return the encoded events for new numbers, which are the same for all viewers."""
    with translation.override(language):
        html = [render(span, all_figures()[key], each) for key, each in numbers.items()]
    found = {name: part for parts in html for name, part in parts.items()}
    return {
        name: sse_event({"target": f"#{name}", "html": part, "mode": "morph"}, "html")
        for name, part in found.items()
    }
