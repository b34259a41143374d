"""What the doctor has found: a sentence, and what to do about it."""

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
    "In nginx set `proxy_buffering off` and `gzip off` for streams, as deploy/nginx.conf does. The header "
    "X-Accel-Buffering: no, which each stream has, does the first unless `proxy_ignore_headers` names it. In "
    "other proxies, and in a CDN, switch both off for text/event-stream."
)
BUFFERED = Finding(
    "bad", "Something on the way, a proxy or a middleware, buffers the stream: nothing arrives.", UNBUFFER
)
COMPRESSED = Finding(
    "bad", "A proxy buffers the stream while it compresses it: without compression it comes at once.", UNBUFFER
)
SILENT = Finding(
    "bad",
    "There is no answer.",
    "Is the server busy or hanging? Open the same address in a browser, and look into the server's log.",
)
NOT_MOUNTED = Finding(
    "bad",
    "The doctor's own stream is not there, so events are not tried.",
    'Add `path("", include("apps.sse.urls"))` to urls.py.',
)
NO_KEEPALIVE_HEADER = Finding(
    "note",
    "The answer has no header SSE-Keepalive, so the client does not notice when the stream dies silently.",
    "Let the proxy pass the header on.",
)


def protocol(scheme: str, agreed: str) -> Finding:
    """Judge how many streams a browser may have."""
    if agreed == "h2":
        return Finding("ok", "HTTP/2 is on: streams do not use up a browser's connections.")
    return Finding(
        "note",
        f"This {scheme} is HTTP/1.1: a browser opens six connections to a site, and the seventh stream hangs.",
        "Visitors with many tabs need https with HTTP/2; in nginx that is `http2 on`.",
    )


def status(path: str, answer, asked: str) -> Finding | None:
    """Say why an answer is no stream; None if it is one."""
    location, kind = answer.headers.get("Location"), answer.headers.get_content_type()
    what = f"{path} answers {answer.status} {answer.reason}"
    if location:
        return Finding("bad", f"{what} and redirects to {location}.", _redirect_advice(location, asked))
    if answer.status != 200:
        return Finding("bad", f"{what}.", ADVICE.get(answer.status, "The server's log tells more."))
    if kind != "text/event-stream":
        return Finding(
            "bad", f"{path} answers with {kind}, which is not a stream.", "Give the address of a stream."
        )
    return None


def token_refused() -> Finding:
    """Return what it means that the doctor's stream does not open to the doctor."""
    return Finding(
        "bad",
        "The doctor's own stream does not open to this command, so events are not tried.",
        f"Run it with the server's SECRET_KEY; both clocks have to agree, and the proxy has to pass {HEADER}.",
    )


def interface(facts: dict) -> Finding:
    """Judge how the server holds a stream."""
    if facts["interface"] == "WSGI":
        advice = "To hold many, serve the ASGI application: gunicorn.conf.py does."
        return Finding("note", "The server speaks WSGI: each open stream keeps a thread.", advice)
    if not facts["handed_off"]:
        advice = "`manage.py check --deploy` says whether hand_off or GZipMiddleware is the reason."
        return Finding("note", "The server speaks ASGI, but Django keeps a thread for each stream.", advice)
    return Finding("ok", "The server speaks ASGI and lets go of Django: an open stream costs no thread.")


def proxies(facts: dict, scheme: str) -> list[Finding]:
    """Judge what the server takes its client to be."""
    found = []
    if not facts["knows_its_proxy"]:
        text = f"Everybody counts as one address, {facts['address']}, which is the proxy's."
        found.append(Finding("bad", text, "Name the proxy in FORWARDED_ALLOW_IPS."))
    if scheme == "https" and not facts["secure"]:
        advice = "Let the proxy set X-Forwarded-Proto, and set BEHIND_PROXY=1."
        found.append(Finding("bad", "The server takes https for plain http.", advice))
    return found


def unheard(theirs: str, ours: str) -> Finding:
    """Say why an event that was published here is not heard there."""
    text = "An event that was published here is not heard there."
    if "memory://" in (theirs, ours):
        return Finding("bad", text, "With memory:// no process hears another: set SSE_BROKER_URL to database://.")
    if theirs != ours:
        advice = f"The server's broker is {theirs}, and here it is {ours}: give both the same SSE_BROKER_URL."
        return Finding("bad", text, advice)
    advice = f"Do both have the same {'DATABASE_URL' if ours == 'database://' else 'SSE_BROKER_URL'}?"
    return Finding("bad", text, f"{advice} The server's log says whether it can follow its broker.")


def cut(seconds: float, keepalive: str) -> Finding:
    """Say why a stream that said nothing was ended."""
    return Finding(
        "bad",
        f"The stream was cut after {seconds:.1f} seconds of silence; keepalives come every {keepalive} seconds.",
        "Raise the proxy's time limit well above that: in nginx `proxy_read_timeout 1h`, as deploy/nginx.conf has "
        "it; in a load balancer its idle timeout.",
    )


def beginning(seconds: float) -> Finding:
    """Judge how long a stream took to begin."""
    if seconds > LATE_SECONDS:
        return Finding("note", f"Its first bytes came after {_milliseconds(seconds)}.", "Is the server busy?")
    return Finding("ok", f"Its first bytes came after {_milliseconds(seconds)}: nothing holds them back.")


def heard(usually: float, latest: float) -> Finding:
    """Judge how long events took, in seconds."""
    text = f"An event that is published here, in another process, is heard there {_milliseconds(usually)} later"
    if latest > LATE_SECONDS:
        advice = "Is the server busy, or does a proxy hold small writes back?"
        return Finding("bad", f"{text}, and once {_milliseconds(latest)} later.", advice)
    return Finding("ok", f"{text}.")


def no_keepalive(silence: float, keepalive: float) -> Finding:
    """Judge a stream that was listened to for long and sent no keepalive."""
    if silence < 2 * keepalive:
        return Finding("ok", "The stream is so busy that it needs no keepalives.")
    return Finding("bad", f"Nothing came for {silence:.0f} seconds, not even a keepalive.", UNBUFFER)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


ADVICE = {
    400: "Is the host name among ALLOWED_HOSTS?",
    401: "Show who you are: --header 'Authorization: …', or --cookie.",
    403: "The view, or a proxy, refuses it: give a session with --cookie sessionid=….",
    404: "There is nothing at this address: look into urls.py, and at what the proxy passes on.",
    405: "The view takes no GET: give the address of a stream.",
    429: "This user or address has as many streams as it may: SSE_MAX_PER_USER, SSE_MAX_PER_ADDRESS.",
    502: "The proxy does not reach the server: is it running, and where the proxy looks for it?",
    503: "The server takes no more streams (SSE_MAX_TOTAL), or cannot reach its broker: its log tells.",
    504: "The proxy waits for the server in vain: is it busy or hanging?",
}


def _redirect_advice(location: str, asked: str) -> str:
    here, there = urlsplit(asked), urlsplit(location)
    if there.path == resolve_url(settings.LOGIN_URL):
        return "It asks for a login: give a session with --cookie sessionid=…, from a browser that is logged in."
    if location == asked:
        return "That is itself: the server does not know that visitors come over https; set BEHIND_PROXY=1."
    if there.scheme == "https" and here.scheme == "http":
        return "Give the doctor the https address."
    return "Give the doctor that address, if it is a stream's."
