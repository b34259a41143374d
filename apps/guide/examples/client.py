import asyncio
import itertools

from django.http import HttpResponse
from django.template.loader import render_to_string

from apps.sse import SSEView


class Modes(SSEView):
    """One event for each mode, and one with operations, every two seconds."""

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
    # Of before and after three places are used in turn: an id that is on the page replaces its element.
    place = {"before": number % 3, "after": number % 3, "outer": 0, "morph": 0}.get(mode, number)
    partial = "guide/_form.html" if mode == "morph" else "guide/_piece.html"
    return render_to_string(partial, {"mode": mode, "number": number, "place": place})


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
    """A stream whose server behaves as it is asked to, to see what the client makes of it."""

    sse_retry_ms = 1000

    async def mount(self, request, last_event_id):
        self.wish = request.GET.get("wish")
        if self.wish == "busy":
            return HttpResponse("Come back later.", status=503)
        if self.wish == "forbidden":
            return HttpResponse("You may not.", status=403)

    async def stream(self, request):
        for number in range(1, 4 if self.wish == "ends" else 1000):
            yield self.event("number", {"number": number})
            await asyncio.sleep(1)
