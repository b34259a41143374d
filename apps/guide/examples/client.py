import asyncio
import itertools

from django.http import HttpResponse
from django.utils.html import format_html

from apps.sse import SSEView

MORPHED = """<p>Round {}</p>
<label for="morph-note">A note</label> <input id="morph-note" placeholder="Text that you type here stays">"""


class Modes(SSEView):
    """Every two seconds, one event for each mode and one with operations."""

    joinable = True

    async def stream(self, request):
        for number in itertools.count(1):
            for mode in ["replace", "append", "prepend", "text", "outer", "before", "after", "morph"]:
                yield self.event(mode, {"html": piece(mode, number)})
            if number % 2:
                yield self.push_html("#mode-remove-list", piece("remove", 1), mode="append")
            else:
                yield self.event("remove", {})
            yield self.push_patch(operations(number))
            await asyncio.sleep(2)


def piece(mode, number):
    if mode == "morph":
        return format_html(MORPHED, number)
    # An element replaces one with the same id, so "before" and "after" use three ids in turn.
    place = {"before": number % 3, "after": number % 3, "outer": 0}.get(mode, number)
    return format_html('<span class="guide-piece" id="mode-{}-{}">{}</span>', mode, place, number)


def operations(number):
    on = number % 2 == 0
    return [
        {"op": "value", "path": "#patch-meter", "value": number % 11},
        {"op": "text", "path": "#patch-text", "value": f"Round {number}"},
        {"op": "html", "path": "#patch-html", "value": {"html": f"<b>Round {number}</b>"}},
        {"op": "toggle_class", "path": "#patch-badge", "value": "is-good"},
        {"op": "add_class" if on else "remove_class", "path": "#patch-row", "value": "guide-on"},
        {"op": "set_attribute", "path": "#patch-link", "name": "title", "value": f"Round {number}"},
        {"op": "set_attribute", "path": "#patch-details", "name": "open", "value": ""}
        if on
        else {"op": "remove_attribute", "path": "#patch-details", "name": "open"},
    ]


class States(SSEView):
    """A stream that ends or is refused as the request says, to show the states of the client."""

    sse_retry_ms = 1000

    async def mount(self, request, last_event_id):
        self.server = request.GET.get("server")
        if self.server == "busy":
            return HttpResponse("Try again later.", status=503)
        if self.server == "forbidden":
            return HttpResponse("Not allowed.", status=403)

    async def stream(self, request):
        for number in range(1, 4 if self.server == "ends" else 1000):
            yield self.event("number", {"number": number})
            await asyncio.sleep(1)
