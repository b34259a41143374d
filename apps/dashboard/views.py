import csv
from typing import Any

from django.conf import settings
from django.contrib.auth.mixins import UserPassesTestMixin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.defaults import bad_request
from django.views.generic import TemplateView

from apps.operations.spreadsheets import safe
from apps.sse import SSEView

from . import activity, history
from .activity import SPANS
from .charts import CHARTS
from .figures import Figure, all_figures
from .models import MINUTES, RANGES
from .rollups import edges, measure

PAGES = {"activity": ("dashboard", _("Activity")), "system": ("dashboard-system", _("System"))}


def may_view(user, page: str) -> bool:
    """Return whether a user may view a page: everyone if it is public, else staff or with its permission."""
    if getattr(settings, "DASHBOARD_PUBLIC", False):
        return True
    return user.is_active and (user.is_staff or user.has_perm(f"dashboard.view_{page}"))


def figures_for(user) -> list[Figure]:
    """Return the figures that a user may see."""
    return [figure for figure in all_figures().values() if figure.is_shown_to(user)]


class DashboardPage(UserPassesTestMixin, TemplateView):
    """A page with a range; an unknown one is refused with status 400."""

    page = ""
    ranges: dict[str, Any] = {}
    range: Any

    def test_func(self):
        return may_view(self.request.user, self.page)

    def get(self, request, *args, **kwargs):
        self.range = self.ranges.get(request.GET.get("range", next(iter(self.ranges))))
        return super().get(request, *args, **kwargs) if self.range else bad_request(request, BadRequest())

    def get_context_data(self, **kwargs):
        pages = [
            (reverse(url), label) for page, (url, label) in PAGES.items() if may_view(self.request.user, page)
        ]
        return super().get_context_data(range=self.range, ranges=self.ranges.values(), pages=pages, **kwargs)


class ActivityView(DashboardPage):
    """What people do on this site."""

    page, ranges, template_name = "activity", SPANS, "dashboard/activity.html"

    def handle_no_permission(self):
        if may_view(self.request.user, "system"):
            return redirect("dashboard-system")
        return super().handle_no_permission()

    def get_context_data(self, **kwargs):
        figures = figures_for(self.request.user)
        numbers = measure(self.range.step, [figure.key for figure in figures])
        cards = [self.card(figure, numbers[figure.key]) for figure in figures]
        return super().get_context_data(cards=cards, **kwargs)

    def card(self, figure, numbers):
        """Return the parts of a card; the newest rows only for users who may see them."""
        parts = activity.render(self.range, figure, numbers)
        newest_id = activity.newest_id(figure) if figure.rows_are_shown_to(self.request.user) else ""
        newest = mark_safe(parts[newest_id]) if newest_id else ""
        return {"figure": figure, "html": mark_safe(parts[figure.key]), "newest_id": newest_id, "newest": newest}


class ActivityCSV(DashboardPage):
    """The values of the figures in a range and in the one before it."""

    page, ranges = "activity", SPANS

    def render_to_response(self, context, **kwargs):
        figures, count = figures_for(self.request.user), 2 * self.range.length
        numbers = measure(self.range.step, [figure.key for figure in figures])
        columns = [
            ["" if value is None else round(value, figure.digits or None) for value in numbers[figure.key].values]
            for figure in figures
        ]
        starts = [timezone.localtime(each).isoformat() for each in edges(self.range.step, timezone.now())[:-1]]
        headers = {"Content-Disposition": f'attachment; filename="activity-{self.range.name}.csv"'}
        response = HttpResponse(content_type="text/csv", headers=headers)
        writer = csv.writer(response)
        writer.writerow(safe([gettext("Start"), *(str(figure.label) for figure in figures)]))
        writer.writerows(list(zip(starts, *columns, strict=True))[-count:])
        return response


class SystemView(DashboardPage):
    """The page with the points of one range; the stream continues after them."""

    page, ranges, template_name = "system", RANGES, "dashboard/system.html"

    def get_context_data(self, **kwargs):
        points = history.recent()
        now = points[-1] if points else None
        data = {"now": now, "points": points if self.range == MINUTES else history.recent(self.range.name)}
        cards = [(each, each.text(now), [(it, it.text(now)) for it in each.series]) for each in CHARTS]
        return super().get_context_data(charts=CHARTS, cards=cards, point=now, data=data, **kwargs)


class DashboardStream(SSEView):
    """A stream of a range, for users who may view its page."""

    page = ""
    ranges: dict[str, Any] = {}
    range: Any

    def mount(self, request, last_event_id):
        if not may_view(request.user, self.page):
            raise PermissionDenied
        self.range = self.ranges.get(request.GET.get("range", next(iter(self.ranges))))
        if self.range is None:
            return HttpResponseBadRequest(f"range must be one of {', '.join(self.ranges)}")


class ActivityStream(DashboardStream):
    """All cards when it opens, and each one that changes."""

    page, ranges = "activity", SPANS
    sse_compress = True
    joinable = "latest"  # all cards again for a tab that joins

    def mount(self, request, last_event_id):
        figures, self.language = figures_for(request.user), get_language()
        newest = [activity.newest_id(figure) for figure in figures if figure.rows_are_shown_to(request.user)]
        self.ids = {*(figure.key for figure in figures), *newest}
        return super().mount(request, last_event_id)

    async def stream(self, request):
        shown: dict[str, str] = {}
        async for cards in activity.live_cards(self.range.name, self.language):
            for name, event in cards.items():
                if name in self.ids and event != shown.get(name):
                    yield event
            shown = cards


class StatsStream(DashboardStream):
    """The points of a range that the page has missed, then each new one."""

    page, ranges = "system", RANGES
    event_id = int
    joinable = True  # each page has the earlier points

    def mount(self, request, last_event_id):
        self.seen = history.last_seen(last_event_id)
        return super().mount(request, last_event_id)

    async def stream(self, request):
        async for points in history.live_points(self.range.name):
            for point in points if self.seen else points[-1:]:
                if point["time"] > self.seen:
                    yield self.event("stats", point, id=point["time"])
            self.seen = points[-1]["time"]
