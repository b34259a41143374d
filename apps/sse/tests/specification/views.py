"""
The Python examples of the specification, unchanged except for the name of the library.

A class with a docstring contains an excerpt and makes it run. `complete.py` has the names that the
examples leave out.
"""
# The examples keep their own quotes, imports and order.
# fmt: off
# ruff: noqa: I001, E402

import time

from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from .models import Notification

# views.py
from apps.sse import SSEView
import asyncio

class DashboardSSE(SSEView):
    """Stream dashboard updates every 5 seconds."""

    async def mount(self, request, last_event_id, *args, **kwargs):
        # Initialize state, check permissions, etc.
        self.user = request.user

    async def stream(self, request):
        while True:
            # Get fresh data
            stats = await self.get_dashboard_stats()

            # Yield event (auto-generates ID for resumption)
            yield self.event('stats', stats)

            await asyncio.sleep(5)

    async def get_dashboard_stats(self):
        # Your data fetching logic
        return {
            'users_online': 42,
            'requests_per_sec': 150,
            'timestamp': time.time(),
        }


class MySSE(SSEView):
    # Auto-generate event IDs (for Last-Event-ID resumption)
    auto_id = True  # default

    # Retry interval in ms (sent to client)
    sse_retry_ms = 3000  # default

    # Keepalive interval in seconds
    sse_keepalive_interval = 15  # default

    # CORS settings
    sse_cors = False  # default
    sse_cors_origins = None  # list of allowed origins, or None for '*'


class MountAndStream(SSEView):
    """The excerpts of `mount` and `stream`."""

    async def mount(self, request, last_event_id, *args, **kwargs):
        # Check permissions
        if not request.user.is_authenticated:
            raise PermissionDenied()

        # Initialize state
        self.user_id = request.user.id

        # Handle reconnection
        if last_event_id:
            self.resume_from = int(last_event_id)

    async def stream(self, request):
        # Yield events
        yield self.event('start', {'status': 'streaming'})

        async for item in self.data_source():
            yield self.event('item', item)

        yield self.event('complete', {'status': 'done'})


class Events(SSEView):
    """The excerpts of `event`, `data_event` and `keepalive`."""

    async def stream(self, request):
        notif = self.notif

        # With auto-generated ID
        yield self.event('update', {'count': 42})

        # With manual ID
        yield self.event('notification', notif, id=str(notif.id))

        yield self.data_event({'raw': 'data'})

        yield self.keepalive()


class DOMUpdates(SSEView):
    """The excerpts of the DOM update helpers."""

    async def stream(self, request):
        # Send DOM patches (uses djust patch system)
        yield self.push_patch([
            {'op': 'replace', 'path': '#count', 'value': '42'}
        ])

        # Update HTML at selector
        yield self.push_html('#notifications', '<li>New message</li>', mode='prepend')

        # Update text
        yield self.push_text('#status', 'Processing...', mode='replace')

        # Navigate client
        yield self.push_redirect('/dashboard/')

        # Reload page
        yield self.push_reload()


from apps.sse import SSEMixin
from django.views import View

class DashboardView(SSEMixin, View):
    def get(self, request):
        # Regular HTTP response
        return render(request, 'dashboard.html')


class DashboardStreamView(SSEMixin, View):
    async def get(self, request):
        # SSE stream endpoint
        return self.sse_response(self.stream_updates(request))

    async def stream_updates(self, request):
        while True:
            data = await self.get_data()
            yield self.event('update', data)
            await asyncio.sleep(5)


class NotificationSSE(SSEView):
    async def mount(self, request, last_event_id, *args, **kwargs):
        self.user = request.user
        self.last_id = int(last_event_id) if last_event_id else None

    async def stream(self, request):
        # Send missed events on reconnection
        if self.last_id:
            missed = await self.get_missed_notifications(self.last_id)
            for notif in missed:
                yield self.event('notification', notif.to_dict(), id=str(notif.id))

        # Stream new notifications
        async for notif in self.listen_notifications():
            yield self.event('notification', notif.to_dict(), id=str(notif.id))

    async def get_missed_notifications(self, since_id):
        from asgiref.sync import sync_to_async
        return await sync_to_async(list)(
            Notification.objects.filter(
                user=self.user,
                id__gt=since_id
            ).order_by('id')
        )


class SlowSSE(SSEView):
    sse_retry_ms = 10000  # Reconnect after 10 seconds


class TaskProgressSSE(SSEView):
    async def stream(self, request):
        task_id = request.GET.get('task_id')

        while True:
            progress = await self.get_task_progress(task_id)

            yield self.event('progress', {
                'percent': progress.percent,
                'status': progress.status,
            })

            if progress.complete:
                yield self.event('complete', {'result': progress.result})
                break

            await asyncio.sleep(0.5)


class LiveFeedSSE(SSEView):
    async def stream(self, request):
        last_id = self.get_last_event_id(request)

        # Send missed items on reconnection
        if last_id:
            async for item in self.get_items_since(last_id):
                yield self.push_html('#feed', self.render_item(item), mode='prepend')

        # Stream new items
        async for item in self.listen_for_items():
            yield self.push_html('#feed', self.render_item(item), mode='prepend')

    def render_item(self, item):
        return f'<div class="feed-item" id="item-{item.id}">{item.content}</div>'


# SSE for receiving notifications
class NotificationStreamSSE(SSEView):
    async def stream(self, request):
        async for notif in self.listen(request.user):
            yield self.event('notification', {
                'id': notif.id,
                'html': render_to_string('_notification.html', {'n': notif})
            })

# Regular view for marking as read
class MarkReadView(View):
    def post(self, request, pk):
        Notification.objects.filter(pk=pk, user=request.user).update(read=True)
        return JsonResponse({'ok': True})
