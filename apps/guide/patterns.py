"""What the library adds to the specification."""

from .example import Example
from .sources import Source

SAY = (Source("guide", "templates/guide/_say.html"), Source("guide", "templates/guide/_line.html"))

PATTERNS = (
    Example(
        "channel",
        "Publish to a channel",
        "A view that names `channels` needs no `stream()`. Whatever any process publishes there reaches every "
        "page, encoded once. The page's place in the log is taken before its queries, so nothing falls between.",
        copy=(
            "`publish()` beside the save, in one transaction.",
            "`dj-sse-since`, and `LivePageMixin` on the page.",
        ),
        change=("The channel's name; `get_channels()` where it depends on who asks.",),
        scripts=("send",),
        also=(*SAY, Source("guide", "views.py", "ExamplePage")),
        more=(Source("feed", "feed.py", "add"), Source("feed", "views.py", "FeedView")),
    ),
    Example(
        "latest",
        "Only the newest counts",
        'With `follow = "latest"` a client gets the newest event of each channel when it comes, and never one '
        "that is out of date. It fits a state: a price, a position, a light.",
        copy=("The attribute, on a view of channels.",),
        change=("One channel for each thing that has a state.",),
        scripts=("send",),
        more=(Source("notifications", "views.py", "BroadcastStream"),),
    ),
    Example(
        "shared-producer",
        "One producer for all viewers",
        "An async generator under `@shared` runs once in a process, while anybody looks. A new viewer gets the "
        "newest value at once, and a slow one skips to it.",
        copy=("The decorator, and the two lines of `stream()`.",),
        change=(
            "The reading: a query, a sensor, another site. Arguments make one producer for each set of them.",
        ),
        more=(Source("dashboard", "stats.py", "latest"), Source("dashboard", "views.py", "StatsStream")),
    ),
    Example(
        "subscribe",
        "A channel inside a stream",
        "`subscribe()` gives a channel's events to your own `stream()`, to choose from, to rewrite, or to end "
        "after the last one. `event_id = Position` lets a client that returns go on where it was, even if no "
        "event has come yet.",
        copy=("`event_id` and the `async with`: leaving it is unsubscribing.",),
        change=("What becomes of each event. Yielded as it is, it keeps its place in the log.",),
        scripts=("player", "send"),
        also=SAY,
        more=(Source("tasks", "views.py", "TaskProgressSSE"),),
    ),
    Example(
        "tabs",
        "One stream for all tabs",
        "The tabs of one session share a connection: one of them holds it, and another takes over when that one "
        "closes. Over HTTP/1.1 a browser opens only six connections to a site.",
        copy=(
            "`joinable`, if a tab that joins late misses nothing; streams of channels need no such line.",
            "`dj-sse-share-key` on the `html` element, with the tag `sse_share_key`.",
        ),
        change=('An element with `dj-sse-share="false"` has a connection of its own.',),
    ),
    Example(
        "reset",
        "Away for too long",
        "A client whose place the log no longer holds is told so with `sse:reset`, never by silence. "
        "`dj-sse-reset` names what to fetch anew, or `reload`. This element asks for a place that never was.",
        copy=("The attribute, and a view that renders the part alone.",),
        change=("A page with more to mend listens for the event `sse:reset` itself.",),
        also=(Source("guide", "templates/guide/_part.html"),),
    ),
    Example(
        "testing",
        "Test a stream",
        "`StreamClient` opens a stream of the real application inside a test, as a browser does, and fails with "
        "what came instead of what was expected. Beside it runs the stream that this test is about.",
        copy=("The test, into `tests/` of your app.",),
        change=("`user=`, `last_event_id=`, `headers=` and `query_params=` say who opens it, and how.",),
        also=(
            Source("guide", "tests/test_examples.py"),
            Source("guide", "examples/quick_start.py"),
        ),
    ),
)
