from apps.sse import SSEView


class News(SSEView):
    """A channel. A client whose position is not in the log receives `sse:reset`."""

    channels = ["guide-lines"]
