"""What the doctor has found: a sentence, and what to do about it."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.shortcuts import resolve_url

from .stream import HEADER

LATE_SECONDS = 1.0


class Finding(NamedTuple):
    """`ok`, a `note` that is worth knowing, or something `bad`, with advice."""

    level: Literal["ok", "note", "bad"]
    text: str
    advice: str = ""


UNBUFFER = (
    "In nginx, set `proxy_buffering off` and `gzip off` for streams, as deploy/nginx.conf does. Every stream "
    "has the header X-Accel-Buffering: no, which also turns buffering off unless `proxy_ignore_headers` names "
    "it. In other proxies and CDNs, turn off buffering and compression for text/event-stream."
)
BUFFERED = Finding("bad", "Nothing arrives: a proxy or a middleware buffers the stream.", UNBUFFER)
COMPRESSED = Finding(
    "bad", "A proxy compresses the stream and buffers it. Without compression it arrives at once.", UNBUFFER
)
SILENT = Finding(
    "bad",
    "The server does not respond.",
    "It may be busy or hanging. Open the same URL in a browser and check the server's log.",
)
NOT_MOUNTED = Finding(
    "bad",
    "The doctor's own stream has no URL on this site, so delivery of events was not tested.",
    'Add `path("", include("apps.sse.urls"))` to urls.py.',
)
NO_KEEPALIVE_HEADER = Finding(
    "note",
    "The response has no SSE-Keepalive header, so the client cannot detect a connection that died silently.",
    "Configure the proxy to pass the header on.",
)


def protocol(scheme: str, agreed: str) -> Finding:
    """Judge how many streams a browser may have."""
    if agreed == "h2":
        return Finding("ok", "HTTP/2 is on: all streams of a browser share one connection.")
    return Finding(
        "note",
        f"This {scheme} URL uses HTTP/1.1: browsers open six connections to a site, and a seventh stream waits.",
        "Visitors with many tabs need HTTPS with HTTP/2. In nginx, set `http2 on`.",
    )


def status(path: str, answer, asked: str) -> Finding | None:
    """Say why an answer is no stream; None if it is one."""
    location, kind = answer.headers.get("Location"), answer.headers.get_content_type()
    what = f"{path} returns {answer.status} {answer.reason}"
    if location:
        return Finding("bad", f"{what} and redirects to {location}.", _redirect_advice(location, asked))
    if answer.status != 200:
        return Finding("bad", f"{what}.", ADVICE.get(answer.status, "Check the server's log."))
    if kind != "text/event-stream":
        return Finding("bad", f"{path} returns {kind}, not text/event-stream.", "Give the URL of a stream.")
    return None


def token_refused() -> Finding:
    """Return what it means that the doctor's stream does not open to the doctor."""
    return Finding(
        "bad",
        "The doctor's own stream refuses this command, so delivery of events was not tested.",
        f"Run it with the server's SECRET_KEY. Both clocks must agree, and the proxy must pass {HEADER} on.",
    )


def interface(facts: dict) -> Finding:
    """Judge how the server holds a stream."""
    if facts["interface"] == "WSGI":
        advice = "For many streams, serve the ASGI application, as gunicorn.conf.py does."
        return Finding("note", "The server uses WSGI: each open stream keeps a thread.", advice)
    if not facts["handed_off"]:
        advice = "Run `manage.py check --deploy`: hand_off is missing or GZipMiddleware is installed."
        return Finding("note", "The server uses ASGI, but Django keeps a thread for each stream.", advice)
    return Finding("ok", "The server uses ASGI and hands streams off: an open stream needs no thread.")


def proxies(facts: dict, scheme: str) -> list[Finding]:
    """Judge what the server takes its client to be."""
    found = []
    if not facts["knows_its_proxy"]:
        text = f"All visitors appear to come from {facts['address']}, the address of the proxy."
        found.append(Finding("bad", text, "Add the proxy to FORWARDED_ALLOW_IPS."))
    if scheme == "https" and not facts["secure"]:
        advice = "Configure the proxy to set X-Forwarded-Proto, and set BEHIND_PROXY=1."
        found.append(Finding("bad", "Visitors use HTTPS, but the server sees plain HTTP.", advice))
    return found


def unheard(theirs: str, ours: str) -> Finding:
    """Say why an event that was published here is not heard there."""
    text = "The server did not receive an event that this command published."
    if "memory://" in (theirs, ours):
        return Finding("bad", text, "memory:// works within one process only: set SSE_BROKER_URL to database://.")
    if theirs != ours:
        advice = (
            f"The server's broker is {theirs}, this command's is {ours}: set the same SSE_BROKER_URL for both."
        )
        return Finding("bad", text, advice)
    advice = f"Do both have the same {'DATABASE_URL' if ours == 'database://' else 'SSE_BROKER_URL'}?"
    return Finding("bad", text, f"{advice} If so, check the server's log for errors of its broker.")


def cut(seconds: float, keepalive: str) -> Finding:
    """Say why a stream that said nothing was ended."""
    return Finding(
        "bad",
        f"The stream was cut after {seconds:.1f} seconds of silence; keepalives come every {keepalive} seconds.",
        "Raise the proxy's timeout well above that: in nginx, `proxy_read_timeout 1h`, as in deploy/nginx.conf; "
        "in a load balancer, the idle timeout.",
    )


def beginning(seconds: float) -> Finding:
    """Judge how long a stream took to begin."""
    if seconds > LATE_SECONDS:
        return Finding("note", f"Its first bytes arrived after {_milliseconds(seconds)}.", "Is the server busy?")
    return Finding("ok", f"Its first bytes arrived after {_milliseconds(seconds)}: nothing buffers them.")


def processes(numbers: Counter[bool]) -> Iterator[Finding]:
    """Yield how many processes of the site there are, by whether they are silent."""
    if numbers[False]:
        yield Finding("ok", f"{numbers[False]} of the site's processes report.")
    if numbers[True]:
        text = (
            f"{numbers[True]} of the site's processes stopped reporting in the last minutes: killed, or hanging."
        )
        yield Finding("note", text, "The admin's page of open streams and /metrics/ name them.")


def heard(usually: float, latest: float) -> Finding:
    """Judge how long events took, in seconds."""
    text = f"An event published by this command arrives through the server after {_milliseconds(usually)}"
    if latest > LATE_SECONDS:
        advice = "Is the server busy, or does a proxy delay small writes?"
        return Finding("bad", f"{text}, and in the slowest case after {_milliseconds(latest)}.", advice)
    return Finding("ok", f"{text}.")


def no_keepalive(silence: float, keepalive: float) -> Finding:
    """Judge a stream that was listened to for long and sent no keepalive."""
    if silence < 2 * keepalive:
        return Finding("ok", "The stream is so busy that it needs no keepalives.")
    return Finding("bad", f"Nothing arrived for {silence:.0f} seconds, not even a keepalive.", UNBUFFER)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


ADVICE = {
    400: "Is the host name among ALLOWED_HOSTS?",
    401: "Authenticate with --header 'Authorization: …' or --cookie.",
    403: "The view or a proxy refuses the request: pass a session with --cookie sessionid=….",
    404: "Nothing is served at this URL: check urls.py and the proxy's configuration.",
    405: "The view does not accept GET: give the URL of a stream.",
    429: "This user or address has reached its limit of streams: see SSE_MAX_PER_USER and SSE_MAX_PER_ADDRESS.",
    502: "The proxy cannot reach the server: is the server running, and is its address in the proxy right?",
    503: "The server has reached SSE_MAX_TOTAL streams or cannot reach its broker: check its log.",
    504: "The server did not respond to the proxy in time: is it busy or hanging?",
}


def _redirect_advice(location: str, asked: str) -> str:
    here, there = urlsplit(asked), urlsplit(location)
    if there.path == resolve_url(settings.LOGIN_URL):
        return "It requires a login: copy the session from a logged-in browser with --cookie sessionid=…."
    if location == asked:
        return "It redirects to itself because the server sees plain HTTP: set BEHIND_PROXY=1."
    if there.scheme == "https" and here.scheme == "http":
        return "Use the https URL."
    return "Use that URL if it is a stream."
