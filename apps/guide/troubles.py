"""What goes wrong with streams in practice: how it looks, why, what finds it, and what mends it."""

from typing import NamedTuple


class Trouble(NamedTuple):
    """`commands` are run in the project's folder."""

    name: str
    looks: str
    commands: tuple[str, ...]
    causes: tuple[str, ...]


DOCTOR = "manage.py sse_doctor https://example.com/"
TAIL = "manage.py sse_tail"

TROUBLES = (
    Trouble(
        "No events arrive",
        "The page says that it is connected, and nothing happens; or everything comes at once, late.",
        (DOCTOR, "curl -N --compressed https://example.com/api/guide/quick-start/stream/"),
        (
            "Something on the way buffers or compresses: switch that off for streams, as `deploy/nginx.conf` "
            "does. Each stream has the header `X-Accel-Buffering: no`, which a proxy may be told to ignore.",
            "What answers is no stream: its `Content-Type` is to be `text/event-stream`. A login page is none.",
            "An event that was written by hand does not end with an empty line: let `self.event()` write it.",
        ),
    ),
    Trouble(
        "An event was published, and nobody heard it",
        "`publish()` was called, and no page shows anything.",
        (TAIL, "manage.py sse_publish my-channel hello '\"world\"'", DOCTOR),
        (
            "`sse_tail` does not show it: the transaction was rolled back, or another `DATABASE_URL` or "
            "`SSE_BROKER_URL` is in use there.",
            "`sse_tail` shows it under another channel than the one that the view names.",
            "`SSE_BROKER_URL` is `memory://`, which no other process hears.",
            "The page wants another name: look at `dj-sse-event`, and set `DjustSSE.debug = true` in the console.",
        ),
    ),
    Trouble(
        "After a break, events are missing",
        "The client comes back, and does not get what happened meanwhile.",
        (f"{TAIL} --since 1-0123abcd", "manage.py check --deploy"),
        (
            "The events have no ids: leave `auto_id` on, or publish on a channel, whose events have places in a "
            "log.",
            "Your `stream()` does not look at `last_event_id`, or does not send what came after it.",
            "The client was away for longer than `SSE_RETENTION_AGE` or `SSE_RETENTION_COUNT` allow: it is told "
            "`sse:reset`, and `dj-sse-reset` fetches anew.",
            "The ids are primary keys: a number that is given early and committed late is passed over.",
        ),
    ),
    Trouble(
        "The client does not come back",
        "It says disconnected, and stays so.",
        (f"{DOCTOR} --cookie sessionid=…",),
        (
            "It was refused with 401, 403 or 404: asking again would not help, so it does not ask.",
            "The stream was finished: `stream()` returned, which means that there is no more.",
            "`maxRetries` was reached, in a script of your own; elements with `dj-sse` try for ever.",
        ),
    ),
    Trouble(
        "Streams break off every minute",
        "The page reconnects at regular intervals.",
        (DOCTOR,),
        (
            "A proxy or load balancer ends what is silent for long: raise its limit above "
            "`sse_keepalive_interval`, in nginx `proxy_read_timeout`.",
            "A worker is replaced, or `SSE_MAX_AGE` has passed: that is meant, and nothing is missed.",
        ),
    ),
    Trouble(
        "The seventh tab hangs",
        "Six tabs work, and in the next one not even ordinary pages load.",
        (DOCTOR,),
        (
            "The site speaks HTTP/1.1, where a browser opens six connections: `http2 on` in nginx.",
            "Streams that tabs cannot share: `joinable` on the view, `dj-sse-share-key` on the page, HTTPS.",
        ),
    ),
    Trouble(
        "Refused with 429 or 503",
        "New streams are refused, those that are open stay.",
        (DOCTOR, "manage.py check --deploy"),
        (
            "A user or an address has as many streams as `SSE_MAX_PER_USER` and `SSE_MAX_PER_ADDRESS` allow.",
            "Everybody counts as one address, since the proxy is not named in `FORWARDED_ALLOW_IPS`.",
            "The process has `SSE_MAX_TOTAL` streams, or cannot reach its broker: its log says which.",
        ),
    ),
    Trouble(
        "Memory or threads grow",
        "The server needs more with each open page.",
        (DOCTOR, "manage.py sse_trim"),
        (
            "It speaks WSGI, where each stream keeps a thread: serve the ASGI application.",
            "A middleware wraps the response, so Django cannot let go of it: the doctor says so.",
            "A generator collects rows before it yields: iterate, and yield one after the other.",
            "A page keeps every item: give its list a `dj-sse-limit`.",
        ),
    ),
)
