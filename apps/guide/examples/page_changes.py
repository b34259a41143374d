import asyncio

from django.utils.html import format_html

from apps.sse import SSEView


class Changes(SSEView):
    """Changes the page step by step."""

    async def stream(self, request):
        yield self.push_text("#guide-status", "Working …")
        for number in range(1, 6):
            await asyncio.sleep(1)
            row = format_html('<li id="guide-part-{0}">Part {0} finished</li>', number)
            yield self.push_html("#guide-parts", row, mode="prepend")
            value = {"op": "value", "path": "#guide-meter", "value": number}
            colour = {"op": "toggle_class", "path": "#guide-status", "value": "is-wait"}
            yield self.push_patch([value, colour])
        yield self.push_text("#guide-status", "All five parts finished")


class Redirect(SSEView):
    """Redirects the page."""

    async def stream(self, request):
        yield self.push_redirect("guide")


class Reload(SSEView):
    """Reloads the page."""

    async def stream(self, request):
        yield self.push_reload()
