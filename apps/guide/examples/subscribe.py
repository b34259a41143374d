from apps.sse import Position, SSEView


class ThreeLines(SSEView):
    """Takes what is said on a channel into its own hands, and ends after three lines."""

    event_id = Position

    async def stream(self, request):
        yield self.event("listening", {"to": "guide-lines"})
        heard = 0
        async with self.subscribe("guide-lines") as events:
            async for event in events:
                heard += 1
                yield event
                if heard == 3:
                    break
        yield self.event("complete", {"heard": heard})
