"""The examples that the specification of the streams gives, and the list that most apps begin with."""

from .example import Example
from .sources import Source

ITEM = Source("guide", "templates/guide/_item.html")

SPECIFIED = (
    Example(
        "quick-start",
        "A first stream",
        "A class with an async generator is a stream, and an element with `dj-sse` shows it. The values of an "
        "event go to whatever is marked `dj-sse-field`.",
        copy=("The class, and a line for it in `urls.py`.", "The element; `base.html` has the script already."),
        change=(
            "What `stats()` returns: anything that JSON knows.",
            "The pause. When all viewers see the same, one producer serves them all: see the page about it.",
        ),
        more=(Source("dashboard", "views.py", "StatsStream"),),
    ),
    Example(
        "live-list",
        "A list that changes in place",
        "New rows come on top, rows change where they are and go, and a count follows. Each change is saved and "
        "published in one transaction; the buttons are plain forms. Open it in two tabs. "
        "`manage.py startapp wall --live` makes an app of this kind, with the count in the header of every page.",
        copy=(
            "One template for a row, in the page and in the events; its `id` is how `publish_html` finds it.",
            "The lock before a count: two transactions at the same time would both send an old one.",
            "`dj-sse-since`, from a position that was taken before the page's queries.",
        ),
        change=("The model, and `channel()`: who follows it is who may see the rows.",),
        also=(
            Source("guide", "templates/guide/_order.html"),
            Source("guide", "models.py"),
            Source("guide", "templatetags/guide.py", "guide_orders"),
        ),
        more=(Source("feed", "feed.py"),),
    ),
    Example(
        "script",
        "The same, by script",
        "`new DjustSSE(url, options)` is the connection itself: listen with `on`, then `connect`. It comes back "
        "by itself when it breaks, and tells you so. The stream is the one of the page before.",
        copy=("The lines with `sse.on`; names that are no states are those of the server's events, `*` is all.",),
        change=(
            "The options: `autoReconnect`, `maxRetries`, `retryDelay` (milliseconds), `withCredentials`.",
            "`sse.off` takes a listener away, `sse.destroy()` closes for good, `sse.getStats()` has the numbers.",
        ),
        scripts=("player",),
        also=(Source("guide", "examples/quick_start.py"),),
    ),
    Example(
        "mount",
        "Refuse first, then stream",
        "`mount()` runs before the first byte, so a refusal is a real 403 and the client does not try again. A "
        "stream that returns is finished: the client stays away, and is not sent round again.",
        copy=("`mount()` as it is. `request.user` is there already, and so is a valid `last_event_id`, or None.",),
        change=(
            "The question that it asks. Written as a plain `def` it may query the database.",
            "`Http404` or a response of your own refuse as well. `LoginRequiredMixin` works too.",
        ),
        scripts=("player",),
        more=(Source("tasks", "views.py", "TaskProgressSSE"),),
    ),
    Example(
        "events",
        "What is on the wire",
        "`event()` gives a name and data, `data_event()` data alone, `keepalive()` a comment. Ids are numbered by "
        "themselves, and go on from one that you give. A line of the data is a line on the wire.",
        copy=("The calls. You need `keepalive()` hardly ever, since silence is filled by itself.",),
        change=("The names, but for those of the client's states and those that begin with `sse:`.",),
        scripts=("wire",),
    ),
    Example(
        "attributes",
        "Attributes of a stream",
        "A class attribute decides whether events are numbered, when clients come back, how often silence is "
        "broken by a comment, and which other sites may read the stream.",
        copy=("Only those that are to differ: ids on, 3 seconds, 15 seconds and no other site are the defaults.",),
        change=(
            "`sse_keepalive_interval` stays below the shortest time limit of your proxies.",
            "`sse_cors_origins` names the sites that may read with cookies; None is everybody, without cookies.",
        ),
        scripts=("wire",),
    ),
    Example(
        "retry",
        "When to come back",
        "The first line of a stream tells the client how long to wait when the connection breaks. The client "
        "doubles that with each failure and adds chance, so that not all come back at once.",
        copy=("The attribute.",),
        change=("The milliseconds. Few viewers and urgent news: less. Many viewers: more.",),
        scripts=("wire",),
    ),
    Example(
        "page-changes",
        "Changes to the page, by the server",
        "Events of their own kind change what a selector names: HTML, text, or a list of small operations. Two "
        "more send the page elsewhere, or load it again. HTML comes from a template, which escapes what people "
        "wrote.",
        copy=("A line of `stream()`, and an element with an id that it names.",),
        change=(
            "`mode`: the page about modes has all of them at work.",
            "Prefer `dj-sse-target` and fields where a page may decide by itself what it shows.",
        ),
        also=(ITEM,),
        scripts=("player",),
    ),
    Example(
        "mixin",
        "A stream in a view of your own",
        "`SSEMixin` gives `event()` and `sse_response()` to any class-based view, for example one that answers "
        "differently to different requests. It stands before `View`.",
        copy=("The base classes, and `return self.sse_response(…)` in an `async def`.",),
        change=("The generator's name and what it takes; there may be several in a view.",),
        scripts=("player",),
    ),
    Example(
        "resume",
        "Come back and miss nothing",
        "Each event has an id, the client returns with the last one, and the server begins after it. Connect, "
        "disconnect for a few seconds, and connect again: what was missed arrives first.",
        copy=("`event_id = int` and `mount()`: `last_event_id` is a whole number, or None.",),
        change=(
            "Where missed events come from, and how many at most.",
            "Rows of a table do not fit: a number that is given early may be committed late. Publish on a "
            "channel.",
        ),
        scripts=("player",),
    ),
    Example(
        "progress",
        "Progress, and then the end",
        "A stream that returns tells the client that it is finished. Whoever asks again with that id is answered "
        "204, and nobody follows the same work twice.",
        copy=("The element: a `progress` and a text with a field need no script.",),
        change=("Where the percentage comes from: of another process, over a channel, as in the app for tasks.",),
        more=(Source("tasks", "views.py", "TaskProgressSSE"), Source("tasks", "progress.py", "until_the_end")),
    ),
    Example(
        "feed",
        "A live feed",
        "Each new item is rendered by a template and put on top of the list. Somebody who was away gets what was "
        "missed. The list keeps as many as `dj-sse-limit` says.",
        copy=("`render_item` with its template: no text that a person wrote becomes HTML by accident.",),
        change=("The source of items. When people post, publish in the transaction that saves, as in the feed.",),
        also=(ITEM,),
        more=(Source("feed", "views.py", "FeedStream"), Source("feed", "feed.py")),
    ),
    Example(
        "notifications",
        "Notifications with actions",
        "News comes on the stream, and what a user does goes out as an ordinary request. The channel is chosen "
        "by the server from who is logged in, so one user cannot listen to another. Open it in two tabs.",
        copy=("`get_channels()`, and the form: it carries the CSRF token for every button that names it.",),
        change=("Save what is published, in the same transaction; this page keeps nothing.",),
        scripts=("send",),
        also=(Source("guide", "templates/guide/_notification.html"),),
        more=(
            Source("notifications", "notify.py", "notify"),
            Source("notifications", "views.py", "NotificationStream"),
        ),
    ),
)
