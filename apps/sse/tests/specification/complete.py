"""The specification's examples, completed so that they run."""

import asyncio
from types import SimpleNamespace

from . import views
from .models import Notification

TIMES_FASTER = 50

# The examples wait for seconds between events.
views.asyncio = SimpleNamespace(sleep=lambda seconds: asyncio.sleep(seconds / TIMES_FASTER))


class DefaultSSE(views.MySSE):
    """One event; each attribute has its default."""

    async def stream(self, request):
        yield self.event("hello", "world")


class UnnumberedSSE(DefaultSSE):
    """Events without ids."""

    auto_id = False


class OpenSSE(DefaultSSE):
    """Every origin may read the stream."""

    sse_cors = True


class FriendlySSE(OpenSSE):
    """One origin may read the stream."""

    sse_cors_origins = ["https://friend.example"]


class SlowSSE(views.SlowSSE):
    """One event."""

    async def stream(self, request):
        yield self.event("hello", "world")


class MountAndStream(views.MountAndStream):
    """Counts on from the client's last number, with the user's primary key."""

    resume_from = 0

    async def data_source(self):
        for number in range(1, 4):
            yield {"number": self.resume_from + number, "user": self.user_id}


class Events(views.Events):
    """A notification that can be encoded as JSON."""

    class Notif(dict):
        id = 77

    notif = Notif(text="Hello")


class DashboardStreamView(views.DashboardStreamView):
    """Counts."""

    count = 0

    async def get_data(self):
        self.count += 1
        return {"count": self.count}


class NotificationSSE(views.NotificationSSE):
    """Notifications stored after the stream began."""

    async def listen_notifications(self):
        async for notification in new_notifications(self.user):
            yield notification


class TaskProgressSSE(views.TaskProgressSSE):
    """Adds 50 percent at each call."""

    percent = 0

    async def get_task_progress(self, task_id):
        percent, self.percent = self.percent, self.percent + 50
        complete = percent == 100
        status = "done" if complete else "running"
        return SimpleNamespace(percent=percent, status=status, complete=complete, result=f"task {task_id}")


class LiveFeedSSE(views.LiveFeedSSE):
    """Items with the numbers of their events; ten exist."""

    async def get_items_since(self, last_id):
        for number in range(int(last_id) + 1, 11):
            yield SimpleNamespace(id=number, content=f"missed {number}")

    async def listen_for_items(self):
        for number in (11, 12):
            yield SimpleNamespace(id=number, content=f"new {number}")


class NotificationStreamSSE(views.NotificationStreamSSE):
    """Notifications stored after the stream began."""

    async def listen(self, user):
        async for notification in new_notifications(user):
            yield notification


async def new_notifications(user):
    """Store and yield a first notification, then yield each that is stored."""
    newest = await Notification.objects.acreate(user=user, text="listening")
    yield newest
    while True:
        async for notification in Notification.objects.filter(user=user, id__gt=newest.id).order_by("id"):
            yield (newest := notification)
        await asyncio.sleep(0.02)
