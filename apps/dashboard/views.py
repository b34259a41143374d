from django.conf import settings
from django.contrib.auth.mixins import UserPassesTestMixin
from django.core.exceptions import BadRequest, PermissionDenied
from django.views.generic import TemplateView

from apps.sse import SSEView

from . import history
from .charts import CHARTS
from .models import MINUTES, RANGES, Range


def may_look(user) -> bool:
    """Return whether the dashboard may be shown: to everyone if it is public, to staff if not."""
    return getattr(settings, "DASHBOARD_PUBLIC", False) or (user.is_active and user.is_staff)


def range_of(request) -> Range:
    """Return the range that a request asks for; raises `BadRequest` if there is none of that name."""
    try:
        return RANGES[request.GET.get("range", MINUTES.name)]
    except KeyError:
        raise BadRequest(f"range must be one of {', '.join(RANGES)}") from None


class DashboardView(UserPassesTestMixin, TemplateView):
    """The page as it is now: the points of one range, and the place where the stream goes on."""

    template_name = "dashboard/dashboard.html"

    def test_func(self):
        return may_look(self.request.user)

    def get_context_data(self, **kwargs):
        span, points = range_of(self.request), history.recent()
        now = points[-1] if points else None
        data = {"now": now, "points": points if span == MINUTES else history.recent(span.name)}
        context = {"charts": CHARTS, "range": span, "ranges": RANGES.values(), "point": now, "data": data}
        return super().get_context_data(**context, **kwargs)


class StatsStream(SSEView):
    """First the points of a range that the page has missed, then each new one."""

    event_id = int
    joinable = True  # its pages have the points of before

    async def mount(self, request, last_event_id):
        if not may_look(request.user):
            raise PermissionDenied
        self.range = range_of(request).name
        self.seen = history.known(last_event_id)

    async def stream(self, request):
        async for points in history.following(self.range):
            for point in points if self.seen else points[-1:]:
                if point["time"] > self.seen:
                    yield self.event("stats", point, id=point["time"])
            self.seen = points[-1]["time"]
