"""The doctor's findings: each is a sentence and, if something can be improved, advice."""

from collections.abc import Iterable, Iterator
from http.client import HTTPResponse
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.shortcuts import resolve_url

from ..models import Process
from .views import HEADER

LATE_SECONDS = 1.0
# Above this share of a ceiling, it is time to add a process or to raise a limit.
NEAR = 0.7


class Finding(NamedTuple):
    """`bad` must be fixed, a `note` need not be."""

    level: Literal["ok", "note", "bad"]
    text: str
    advice: str = ""


UNBUFFER = (
    "In nginx, set `proxy_buffering off` and `gzip off` for streams, as deploy/nginx.conf does. Every stream "
    "has the header X-Accel-Buffering: no, which also turns buffering off unless `proxy_ignore_headers` names "
    "it. In other proxies and CDNs, turn off buffering and compression for text/event-stream."
)
LONGER_TIMEOUT = (
    "Raise the proxy's timeout well above that: in nginx, `proxy_read_timeout 1h`, as in deploy/nginx.conf; in a "
    "load balancer, the idle timeout."
)
NOTHING = Finding(
    "bad",
    "Nothing arrives: a proxy or a middleware buffers the stream, or the server hangs.",
    f"{UNBUFFER} If pages do not load either, check the server's log.",
)
COMPRESSED = Finding(
    "bad", "A proxy compresses the stream and buffers it. Without compression it arrives at once.", UNBUFFER
)
NOT_MOUNTED = Finding(
    "bad",
    "The doctor's own stream has no URL on this site, so delivery of events was not tested.",
    'Add `path("", include("apps.sse.urls"))` to urls.py.',
)
TOKEN_REFUSED = Finding(
    "bad",
    "The doctor's own stream refuses this command, so delivery of events was not tested.",
    f"Run it with the server's SECRET_KEY. Both clocks must agree, and the proxy must pass {HEADER} on.",
)
REFUSED_DOCTOR = {403: TOKEN_REFUSED, 404: NOT_MOUNTED}


def protocol(scheme: str, negotiated: str) -> Finding:
    """Return whether a browser's streams share one connection."""
    if negotiated == "h2":
        return Finding("ok", "HTTP/2 is on: all streams of a browser share one connection.")
    return Finding(
        "note",
        f"This {scheme} URL uses HTTP/1.1: browsers open six connections to a site, and a seventh stream waits.",
        "Visitors with many tabs need HTTPS with HTTP/2. In nginx, set `http2 on`.",
    )


def refusal(url: str, response: HTTPResponse, is_doctor: bool = False) -> Finding | None:
    """Return why a response is not a stream, or None if it is one; `is_doctor`: it should be the doctor's own."""
    if is_doctor and response.status in REFUSED_DOCTOR:
        return REFUSED_DOCTOR[response.status]
    path, kind = urlsplit(url).path, response.headers.get_content_type()
    what = f"{path} returns {response.status} {response.reason}"
    if location := response.headers.get("Location"):
        return Finding("bad", f"{what} and redirects to {location}.", _redirect_advice(location, url))
    if response.status != 200:
        return Finding("bad", f"{what}.", ADVICE.get(response.status, "Check the server's log."))
    if kind != "text/event-stream":
        return Finding("bad", f"{path} returns {kind}, not text/event-stream.", "Give the URL of a stream.")
    return None


def interface(facts: dict) -> Finding:
    """Return what an open stream costs the server."""
    if facts["interface"] == "WSGI":
        advice = "For many streams, serve the ASGI application, as gunicorn.conf.py does."
        return Finding("note", "The server uses WSGI: each open stream keeps a thread.", advice)
    if not facts["handed_off"]:
        advice = "Run `manage.py check --deploy`: hand_off is missing or GZipMiddleware is installed."
        return Finding("note", "The server uses ASGI, but Django keeps a thread for each stream.", advice)
    return Finding("ok", "The server uses ASGI and hands streams off: an open stream needs no thread.")


def proxies(facts: dict, scheme: str) -> Iterator[Finding]:
    """Yield whether the server sees a wrong address or scheme of its clients."""
    if not facts["knows_its_proxy"]:
        text = f"All visitors appear to come from {facts['address']}, the address of the proxy."
        yield Finding("bad", text, "Add the proxy to FORWARDED_ALLOW_IPS.")
    if scheme == "https" and not facts["secure"]:
        advice = "Configure the proxy to set X-Forwarded-Proto, and set BEHIND_PROXY=1."
        yield Finding("bad", "Visitors use HTTPS, but the server sees plain HTTP.", advice)


def not_delivered(server_broker: str, own_broker: str) -> Finding:
    """Return why the server may not have received an event; the brokers are as in `broker_name`."""
    text = "The server did not receive an event that this command published."
    if "memory://" in (server_broker, own_broker):
        return Finding("bad", text, "memory:// works within one process only: set SSE_BROKER_URL to database://.")
    if server_broker != own_broker:
        brokers = f"The server's broker is {server_broker}, this command's is {own_broker}"
        return Finding("bad", text, f"{brokers}: set the same SSE_BROKER_URL for both.")
    advice = f"Do both have the same {'DATABASE_URL' if own_broker == 'database://' else 'SSE_BROKER_URL'}?"
    return Finding("bad", text, f"{advice} If so, check the server's log for errors of its broker.")


def delivered(seconds: float) -> Finding:
    text = f"An event published by this command arrives through the server after {seconds * 1000:.0f} ms."
    if seconds > LATE_SECONDS:
        return Finding("bad", text, "Is the server busy, or does a proxy delay small writes?")
    return Finding("ok", text)


def begun(url: str, response: HTTPResponse, seconds: float) -> Finding:
    encoding = response.headers.get("Content-Encoding")
    compressed = f", compressed with {encoding}" if encoding else ""
    text = f"{urlsplit(url).path} returns 200 with text/event-stream{compressed}."
    text += f" Its first bytes arrived after {seconds * 1000:.0f} ms"
    if seconds > LATE_SECONDS:
        return Finding("note", f"{text}.", "Is the server busy?")
    return Finding("ok", f"{text}: nothing buffers them.")


def load(before: Iterable[Process], after: Iterable[Process], log_memory: float = 0) -> Iterator[Finding]:
    """Yield how near the site is to its ceilings, from rows before and after, and the log's memory."""
    gauges = [row.data["gauges"] for row in after if row.kind == "web"]
    # A process of the previous release may not report its limit.
    ceilings = [(gauge["connections"], gauge["max_connections"]) for gauge in gauges if "max_connections" in gauge]
    if ceilings:
        number, limit = max(ceilings, key=lambda pair: pair[0] / pair[1])
        text = f"The web process with the most streams has {number:,.0f} of at most {limit:,.0f}."
        yield _ceiling(
            number / limit, text, "Raise SSE_MAX_TOTAL and the limit of open files, or WEB_CONCURRENCY."
        )
    if share := max((gauge.get("memory_share", 0) for gauge in gauges), default=0):
        text = f"The fullest container or machine of the web servers uses {share:.0%} of its memory."
        yield _ceiling(share, text, "Add memory, or lower SSE_MAX_TOTAL or WEB_CONCURRENCY.")
    if log_memory:
        text = f"The server of the log uses {log_memory:.0%} of its memory."
        yield _ceiling(log_memory, text, "Raise its maxmemory, or keep fewer events (SSE_RETENTION_BYTES).")
    if resets := sum(row.data["counts"].get("resets", 0) for row in after):
        text = f"Since these processes started, {resets:,} returning clients got an sse:reset in place of events."
        yield Finding("note", text, "Keep events for longer (SSE_RETENTION_COUNT), unless the log was replaced.")
    earlier = {row.pk: row.data for row in before}
    spans = [(earlier[row.pk], row.data) for row in after if row.pk in earlier]
    passed = [(old, new, new["seconds"] - old["seconds"]) for old, new in spans if new["seconds"] > old["seconds"]]
    if passed:
        cores = max(_increase(old, new, "cpu_seconds") / seconds for old, new, seconds in passed)
        text = f"The busiest process uses {cores:.0%} of a core."
        yield _ceiling(cores, text, "Raise WEB_CONCURRENCY: see docs/scale.md.")
        rate = sum(_increase(old, new, "published") / seconds for old, new, seconds in passed)
        yield Finding(
            "ok", f"The site publishes {rate:.1f} events per second. docs/scale.md has the broker's limit."
        )


def _ceiling(share: float, text: str, advice: str) -> Finding:
    return Finding("note", text, advice) if share >= NEAR else Finding("ok", text)


def _increase(old: dict[str, Any], new: dict[str, Any], name: str) -> float:
    return new["counts"].get(name, 0) - old["counts"].get(name, 0)


ADVICE = {
    400: "Is the host name among ALLOWED_HOSTS?",
    401: "Authenticate with --header 'Authorization: …' or --cookie.",
    403: "The view or a proxy refuses the request: pass a session with --cookie sessionid=….",
    404: "No view is mounted at this URL: check urls.py and the proxy's configuration.",
    429: "This user or address has reached its limit of streams: see SSE_MAX_PER_USER and SSE_MAX_PER_ADDRESS.",
    502: "The proxy cannot reach the server: is the server running, and is its address in the proxy right?",
    503: "The server has reached SSE_MAX_TOTAL streams or cannot reach its broker: check its log.",
}


def _redirect_advice(location: str, requested: str) -> str:
    if urlsplit(location).path == resolve_url(settings.LOGIN_URL):
        return "It requires a login: copy the session from a logged-in browser with --cookie sessionid=…."
    if location == requested:
        return "It redirects to itself because the server sees plain HTTP: set BEHIND_PROXY=1."
    return "Use that URL if it is a stream."
