"""What goes wrong with streams: symptoms, the commands that find the cause, and the causes with their fixes."""

from typing import NamedTuple


class Trouble(NamedTuple):
    """`commands` are run in the project's folder."""

    name: str
    symptom: str
    commands: tuple[str, ...]
    causes: tuple[str, ...]


DOCTOR = "manage.py sse_doctor https://example.com/"
TAIL = "manage.py sse_tail"

TROUBLES = (
    Trouble(
        "No events arrive",
        "The page shows that it is connected, but nothing happens, or all events arrive late and at once.",
        (DOCTOR, "curl -N --compressed https://example.com/api/guide/quick-start/stream/"),
        (
            "A proxy buffers or compresses the stream: turn both off for streams, as `deploy/nginx.conf` does. "
            "Each stream has the header `X-Accel-Buffering: no`, but a proxy can be set to ignore it.",
            "The response is not a stream but, for example, a login page: check that its `Content-Type` is "
            "`text/event-stream`.",
            "An event that your code wrote does not end with an empty line: use `self.event()`.",
        ),
    ),
    Trouble(
        "A published event does not arrive",
        "Your code calls `publish()`, but no page shows the event.",
        (TAIL, "manage.py sse_publish my-channel hello '\"world\"'", DOCTOR),
        (
            "`sse_tail` does not show the event: the transaction was rolled back, or the publisher uses another "
            "`DATABASE_URL` or `SSE_BROKER_URL`.",
            "`sse_tail` shows the event on another channel: use the channel that the view names.",
            "`SSE_BROKER_URL` is `memory://`, which reaches one process only.",
            "The page waits for another name: check `dj-sse-event`, and set `DjustSSE.debug = true` in the "
            "console.",
        ),
    ),
    Trouble(
        "Events are missing after a reconnect",
        "The client reconnects, but does not receive the events of the time in between.",
        (f"{TAIL} --since 1-0123abcd", "manage.py check --deploy"),
        (
            "The events have no ids: keep `auto_id` on, or publish on a channel, whose log gives each event an "
            "id.",
            "Your `stream()` ignores `last_event_id`: send the events after it first.",
            "The client was away for longer than `SSE_RETENTION_AGE` or `SSE_RETENTION_COUNT` allows: it receives "
            "`sse:reset`, and `dj-sse-reset` fetches the element again.",
            "The ids are primary keys: a lower key can be committed later and is then skipped. Publish on a "
            "channel.",
        ),
    ),
    Trouble(
        "The client does not reconnect",
        "The state changes to disconnected and stays there.",
        (f"{DOCTOR} --cookie sessionid=…",),
        (
            "The server refused with 401, 403 or 404: the client does not try again, since the answer would not "
            "change.",
            "The stream is finished: `stream()` returned. Keep it running as long as events may follow.",
            "Your script set `maxRetries`, and the client reached it. Elements with `dj-sse` have no limit.",
        ),
    ),
    Trouble(
        "Streams break at regular intervals",
        "The page reconnects every minute, for example.",
        (DOCTOR,),
        (
            "A proxy or load balancer closes silent connections: set its timeout above `sse_keepalive_interval`, "
            "in nginx with `proxy_read_timeout`.",
            "A worker was replaced, or `SSE_MAX_AGE` has passed: this is intended, and no event is lost.",
        ),
    ),
    Trouble(
        "The seventh tab hangs",
        "Six tabs work, but in the seventh even ordinary pages do not load.",
        (DOCTOR,),
        (
            "The site uses HTTP/1.1, over which a browser opens six connections: set `http2 on` in nginx.",
            "The tabs do not share their streams: set `joinable` on the view and `dj-sse-share-key` on the page, "
            "and use HTTPS.",
        ),
    ),
    Trouble(
        "Status 429 or 503",
        "The server refuses new streams; open streams continue.",
        (DOCTOR, "manage.py check --deploy"),
        (
            "A user or an address has reached `SSE_MAX_PER_USER` or `SSE_MAX_PER_ADDRESS`.",
            "All visitors count as one address: add the proxy to `FORWARDED_ALLOW_IPS`.",
            "The process has reached `SSE_MAX_TOTAL`, or it cannot reach its broker: its log names the reason.",
        ),
    ),
    Trouble(
        "Memory or threads grow",
        "The server needs more with each open page.",
        (DOCTOR, "manage.py sse_trim"),
        (
            "The server uses WSGI, with a thread for each stream: serve the ASGI application.",
            "A middleware wraps the response, so Django keeps the request in memory: the doctor reports it, and "
            "`manage.py check --deploy` names the middleware.",
            "A generator collects all rows before it yields: yield each row as you read it.",
            "A page keeps every item: set `dj-sse-limit` on its list.",
        ),
    ),
)
