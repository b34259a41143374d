from apps.sse import Position, SSEView


class ThreeLines(SSEView):
    """Forwards the events of a channel, and ends after three."""

    event_id = Position

    async def stream(self, request):
        yield self.event("listening", {"to": "guide-lines"})
        count = 0
        async with self.subscribe("guide-lines") as events:
            async for event in events:
                count += 1
                yield event
                if count == 3:
                    break
        yield self.event("complete", {"count": count})
