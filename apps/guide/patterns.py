"""The examples for several processes, several tabs and many viewers."""

from .page import Page

SAY = ("guide/templates/guide/_say.html", "guide/templates/guide/_line.html")

PATTERNS = (
    Page(
        "channel",
        "Publish to a channel",
        "A view with `channels` needs no `stream()`. An event that any process publishes reaches every page, and "
        "is encoded once. The page takes its position in the log before its queries, so no event is lost in "
        "between.",
        copy=(
            "`publish()` next to the save, in one transaction.",
            "`dj-sse-since`, and `LivePageMixin` on the view of the page.",
        ),
        change=("The channel's name. Use `get_channels()` if it depends on the request.",),
        scripts=("send",),
        also=(*SAY, "guide/views.py:GuidePage"),
        more=("feed/feed.py:add", "feed/views.py:FeedView"),
    ),
    Page(
        "latest",
        "Only the latest event",
        'With `follow = "latest"` a new client receives the latest event of each channel immediately, and no '
        "client receives an outdated one. Use it for a state: a price, a location, a light.",
        copy=("The attribute, on a view with channels.",),
        change=("One channel for each thing that has a state.",),
        scripts=("send",),
        more=("notifications/views.py:BroadcastStream",),
    ),
    Page(
        "shared-producer",
        "One producer for all viewers",
        "An async generator with `@shared` runs once in each process, as long as it has viewers. A new viewer "
        "receives the latest value immediately, and a slow one skips to it.",
        copy=("The decorator, and the two lines of `stream()`.",),
        change=("The reading: a query, a sensor, another site. Each set of arguments has its own producer.",),
        more=("dashboard/stats.py:latest", "dashboard/views.py:StatsStream"),
    ),
    Page(
        "subscribe",
        "A channel inside a stream",
        "`subscribe()` gives the events of a channel to your own `stream()`, which can filter them, change them "
        "or stop after the last one. With `event_id = Position`, a client that reconnects continues where it was, "
        "even if it has not received an event yet.",
        copy=("`event_id` and the `async with` block: leaving the block unsubscribes.",),
        change=("What `stream()` does with each event. An unchanged event keeps its position in the log.",),
        scripts=("player", "send"),
        also=("guide/templates/guide/live/player.html", *SAY),
        more=("tasks/views.py:TaskProgressSSE",),
    ),
    Page(
        "tabs",
        "One stream for all tabs",
        "The tabs of one session share a connection: one tab holds it, and another takes over when that tab "
        "closes. Over HTTP/1.1 a browser opens only six connections to a site.",
        copy=(
            "`joinable`, if a tab that joins late misses nothing. Streams of channels do not need it.",
            "`dj-sse-share-key` on the `html` element, with the tag `sse_share_key`.",
        ),
        change=('`dj-sse-share="false"` gives an element its own connection.',),
    ),
    Page(
        "reset",
        "Away for too long",
        "If the log no longer holds a client's position, the server sends `sse:reset`. `dj-sse-reset` is the "
        "address from which the client then fetches the element, or `reload`. The element below asks for a "
        "position that never existed.",
        copy=("The attribute, and an `id`: the client finds the element by it in the page that it fetches.",),
        change=("Listen for the event `sse:reset` if more than one element has to change.",),
    ),
    Page(
        "testing",
        "Test a stream",
        "`StreamClient` opens a stream of the real application in a test, as a browser does. A failure names the "
        "events that arrived instead of the expected one. The stream that this test opens runs below.",
        copy=("The test, into `tests/` of your app.",),
        change=("`user=`, `last_event_id=`, `headers=` and `query_params=` set who opens the stream, and how.",),
        live="quick-start",
        also=("guide/tests/test_examples.py", "guide/examples/quick_start.py"),
    ),
)
