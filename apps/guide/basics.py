"""The examples that teach one stream at a time."""

from .page import Page

ITEM = "guide/templates/guide/_item.html"

BASICS = (
    Page(
        "quick-start",
        "A first stream",
        "Each page of this guide runs an example next to its source. Edit a file and reload: both change. Here an "
        "async generator sends events, and each value of an event appears in the element whose `dj-sse-field` has "
        "its name.",
        copy=("The class, and a line for it in `urls.py`.", "The element: `base.html` already loads the client."),
        change=(
            "What `stats()` returns: any value that JSON can hold.",
            "The pause between events. If all viewers see the same values, use one producer for all of them.",
        ),
        more=("dashboard/views.py:StatsStream",),
    ),
    Page(
        "live-list",
        "A list that changes in place",
        "New rows appear at the top, rows change or disappear where they are, and a count follows. Each change is "
        "saved and published in one transaction, and the buttons are plain forms. Open the page in two tabs. "
        "`manage.py startapp wall --live` creates an app like this, with the count in the header of every page.",
        copy=(
            "One template for a row, in the page and in the events. `publish_html` finds the row by its `id`.",
            "The lock before the count: without it, two concurrent transactions publish an outdated count.",
            "`dj-sse-since`: the view takes this position before its queries, so no change is lost in between.",
        ),
        change=("The model, and `channel()`: it decides who receives the rows.",),
        also=(
            "guide/templates/guide/_order.html",
            "guide/models.py",
            "guide/templatetags/guide.py:guide_orders",
        ),
        more=("feed/feed.py",),
    ),
    Page(
        "script",
        "A stream in JavaScript",
        "`new DjustSSE(url, options)` is a connection: add listeners with `on`, then call `connect()`. It "
        "reconnects automatically and reports its state. This page connects to the stream of the first page.",
        copy=(
            "The `sse.on` lines. `*` receives every event; the other names here report the connection's state.",
        ),
        change=(
            "The options: `autoReconnect`, `maxRetries`, `retryDelay` (milliseconds) and `withCredentials`.",
            "`sse.off()` removes a listener, `sse.destroy()` closes permanently, `sse.getStats()` returns counts.",
        ),
        live="player",
        scripts=("player",),
        also=("guide/examples/quick_start.py",),
    ),
    Page(
        "mount",
        "Refuse before streaming",
        "`mount()` runs before the first byte, so a refusal is a real 403 and the client does not try again. When "
        "`stream()` returns, the stream is finished and the client does not reconnect. Visitors are refused here; "
        "log in, and the stream opens.",
        copy=("`mount()`: `request.user` is loaded, and `last_event_id` is valid or None.",),
        change=(
            "The condition. If `mount()` is a plain `def`, it can query the database.",
            "The refusal: `Http404`, a response of your own and `LoginRequiredMixin` work as well.",
        ),
        live="player",
        scripts=("player",),
        more=("tasks/views.py:TaskProgressSSE",),
    ),
    Page(
        "events",
        "Events on the wire",
        "`event()` sends a name and data, `data_event()` sends data only, and `keepalive()` sends a comment. "
        "Events are numbered automatically, and the numbers continue from an id that you give. Each line of the "
        "data becomes one `data:` line.",
        copy=("The calls. You rarely need `keepalive()`, since silent streams send comments automatically.",),
        change=("The names, except those of the client's states and those that start with `sse:`.",),
        live="wire",
        scripts=("wire",),
    ),
    Page(
        "attributes",
        "Attributes of a stream",
        "Class attributes set whether events have ids, when clients reconnect, how often a silent stream sends a "
        "comment, and which other sites may read the stream. The client doubles the delay after each failure and "
        "adds random jitter, so that clients do not all return at once.",
        copy=(
            "Only the attributes that you change. By default events have ids, clients reconnect after 3 seconds, "
            "a comment is sent after 15 seconds of silence, and no other site may read the stream.",
        ),
        change=(
            "`sse_retry_ms`: shorter for few viewers and urgent news, longer for many viewers.",
            "`sse_keepalive_interval`: shorter than the shortest timeout of your proxies.",
            "`sse_cors_origins`: the sites that may read with cookies. None allows every site, without cookies.",
        ),
        live="wire",
        scripts=("wire",),
    ),
    Page(
        "page-changes",
        "Changes to the page",
        "These events change the elements that a selector matches, with HTML, text or a list of small operations. "
        "Two others redirect the page or reload it. Render HTML with a template: it escapes what people wrote.",
        copy=("A line of `stream()`, and an element with the id that it names.",),
        change=(
            "`mode`: the page about modes shows each of them.",
            "Prefer `dj-sse-target` and fields if the page should decide what it shows.",
        ),
        also=(ITEM,),
        scripts=("player",),
    ),
    Page(
        "mixin",
        "A stream in your own view",
        "`SSEMixin` adds `event()` and `sse_response()` to any class-based view, for example to one that answers "
        "some requests with a page and others with a stream. List it before `View`.",
        copy=("The base classes, and `return self.sse_response(…)` in an `async def`.",),
        change=("The generator's name and arguments. A view can have several generators.",),
        live="player",
        scripts=("player",),
    ),
    Page(
        "resume",
        "Reconnect without gaps",
        "Each event has an id. A client that reconnects sends the last id, and the server continues after it. "
        "Connect, disconnect for a few seconds, and connect again: the missed events arrive first.",
        copy=("`event_id = int` and `mount()`: `last_event_id` is a whole number or None.",),
        change=(
            "The source of missed events, and the maximum number.",
            "Do not use primary keys as ids: a lower key can be committed later and is then never sent. Publish "
            "on a channel instead.",
        ),
        live="player",
        scripts=("player",),
    ),
    Page(
        "progress",
        "Progress with an end",
        "When `stream()` returns, the client learns that the stream is finished. A client that still reconnects "
        "with the last id gets status 204, so it never follows the same work twice.",
        copy=("The element: a `progress` with a field needs no script.",),
        change=("The source of the percentage. In the tasks app, another process publishes it on a channel.",),
        more=("tasks/views.py:TaskProgressSSE", "tasks/progress.py:until_the_end"),
    ),
    Page(
        "feed",
        "A live feed",
        "A template renders each new item, and the list shows it at the top. A client that was away receives the "
        "items that it missed. The list keeps the number of items that `dj-sse-limit` sets.",
        copy=("`render_item` and its template: text that a person wrote is never inserted as HTML.",),
        change=("The source of items. The feed app publishes a post in the transaction that saves it.",),
        also=(ITEM,),
        more=("feed/views.py:FeedStream", "feed/feed.py"),
    ),
    Page(
        "notifications",
        "Notifications with actions",
        "Notifications arrive on the stream, and actions are ordinary requests. The server chooses the channel by "
        "the logged-in user, so that nobody can follow the channel of another user. Open the page in two tabs.",
        copy=("`get_channels()`, and the form: buttons in other places use it with its `id` in `form=`.",),
        change=("Save in the same transaction what you publish. This page saves nothing.",),
        scripts=("send",),
        also=("guide/templates/guide/_notification.html",),
        more=("notifications/notify.py:notify", "notifications/views.py:NotificationStream"),
    ),
)
