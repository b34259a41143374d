from apps.sse import SSEView


class News(SSEView):
    """A channel. A client whose position the log does not hold receives `sse:reset`."""

    channels = ["guide-lines"]
