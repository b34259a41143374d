from django.conf import settings
from django.contrib.auth.mixins import UserPassesTestMixin
from django.core.exceptions import BadRequest, PermissionDenied
from django.views.generic import TemplateView

from apps.sse import SSEView

from . import history
from .charts import CHARTS
from .models import MINUTES, RANGES, Range


def may_view(user) -> bool:
    """Return whether a user may view the dashboard: everyone if it is public, otherwise staff."""
    return getattr(settings, "DASHBOARD_PUBLIC", False) or (user.is_active and user.is_staff)


def requested_range(request) -> Range:
    """Return the range that a request names; raises `BadRequest` if it does not exist."""
    try:
        return RANGES[request.GET.get("range", MINUTES.name)]
    except KeyError:
        raise BadRequest(f"range must be one of {', '.join(RANGES)}") from None


class DashboardView(UserPassesTestMixin, TemplateView):
    """The page with the points of one range; the stream continues after them."""

    template_name = "dashboard/dashboard.html"

    def test_func(self):
        return may_view(self.request.user)

    def get_context_data(self, **kwargs):
        span, points = requested_range(self.request), history.recent()
        now = points[-1] if points else None
        data = {"now": now, "points": points if span == MINUTES else history.recent(span.name)}
        context = {"charts": CHARTS, "range": span, "ranges": RANGES.values(), "point": now, "data": data}
        return super().get_context_data(**context, **kwargs)


class StatsStream(SSEView):
    """The points of a range that the page has missed, then each new one."""

    event_id = int
    joinable = True  # each page has the earlier points

    async def mount(self, request, last_event_id):
        if not may_view(request.user):
            raise PermissionDenied
        self.range = requested_range(request).name
        self.seen = history.last_seen(last_event_id)

    async def stream(self, request):
        async for points in history.live_points(self.range):
            for point in points if self.seen else points[-1:]:
                if point["time"] > self.seen:
                    yield self.event("stats", point, id=point["time"])
            self.seen = points[-1]["time"]
