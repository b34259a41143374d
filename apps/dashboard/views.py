from django.conf import settings
from django.contrib.auth.mixins import UserPassesTestMixin
from django.core.exceptions import PermissionDenied
from django.views.generic import TemplateView

from apps.sse import SSEView

from . import stats
from .charts import CHARTS


def may_look(user) -> bool:
    """Return whether the dashboard may be shown: to everyone if it is public, to staff if not."""
    return getattr(settings, "DASHBOARD_PUBLIC", False) or (user.is_active and user.is_staff)


class DashboardView(UserPassesTestMixin, TemplateView):
    """The page as it is now: the last five minutes, and the place where the stream goes on."""

    template_name = "dashboard/dashboard.html"

    def test_func(self):
        return may_look(self.request.user)

    def get_context_data(self, **kwargs):
        points = stats.recent()
        return {
            **super().get_context_data(**kwargs),
            "charts": CHARTS,
            "points": points,
            "point": points[-1] if points else None,
        }


class StatsStream(SSEView):
    """First the points the page has missed, then each new one."""

    event_id = int
    joinable = True  # its pages have the points of before

    async def mount(self, request, last_event_id):
        if not may_look(request.user):
            raise PermissionDenied
        self.seen = stats.known(last_event_id)

    async def stream(self, request):
        for point in await stats.missed(self.seen):
            yield self.event("stats", point, id=point["time"])
            self.seen = point["time"]

        async for point in stats.latest():
            if point["time"] > self.seen:
                yield self.event("stats", point, id=point["time"])
