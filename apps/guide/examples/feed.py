import asyncio
import time

from django.utils.html import format_html

from apps.sse import SSEView

SECONDS = 3
MAX_MISSED = 8
TEXTS = [
    "The nightly backup was checked.",
    "This item contains <b>HTML</b>, which is shown as text.",
    "The search index was rebuilt.",
]


class LiveFeed(SSEView):
    """New items at the top of a list, after those that the client has missed."""

    event_id = int
    joinable = True

    async def mount(self, request, last_event_id):
        newest = newest_item()
        seen = int(last_event_id) if last_event_id else newest - 1
        self.seen = min(max(seen, newest - MAX_MISSED), newest)

    async def stream(self, request):
        while True:
            for number in range(self.seen + 1, newest_item() + 1):
                yield self.push_html("#guide-feed", render_item(number), mode="prepend", id=number)
                self.seen = number
            await asyncio.sleep(1)


def newest_item():
    return int(time.time()) // SECONDS


def render_item(number):
    return format_html('<li id="guide-item-{}">{}</li>', number, TEXTS[number % len(TEXTS)])
