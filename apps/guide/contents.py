"""The pages of the guide in the order of reading."""

from dataclasses import dataclass

from django.conf import settings

from .basics import BASICS
from .examples.client import SERVERS
from .page import Page
from .patterns import PATTERNS
from .troubleshooting import TROUBLES


@dataclass(frozen=True)
class Chapter:
    """Pages that belong together."""

    title: str
    pages: tuple[Page, ...]


REFERENCE = (
    Page(
        "client",
        "Modes, attributes and states",
        "All cards of this page receive one stream: elements with the same address share a connection. Every two "
        "seconds the stream sends one event for each card.",
        scripts=("player",),
        also=("guide/templates/guide/_modes.html", "guide/templates/guide/_servers.html"),
        body="guide/client.html",
        data=SERVERS,
    ),
    Page(
        "sse-or-websocket",
        "SSE or WebSocket",
        "Server-Sent Events are one long response to an ordinary request: the server keeps sending. A WebSocket "
        "is a protocol of its own: both sides send at any time, and every proxy on the way has to support it.",
        body="guide/choosing.html",
    ),
    Page(
        "serving",
        "Serving streams",
        "A stream is a request that stays open. A proxy has to pass each event on immediately, and a server "
        "should not use a thread for each stream.",
        body="guide/serving.html",
        data=settings.ROOT_URLCONF.partition(".")[0],
    ),
    Page(
        "troubleshooting",
        "Troubleshooting",
        "Start with `sse_doctor`: it opens a stream through the public address and reports what happens to it on "
        "the way. `sse_tail` prints what is published, and `sse_publish` publishes an event.",
        body="guide/troubleshooting.html",
        data=TROUBLES,
    ),
)

CHAPTERS = (Chapter("Streams", BASICS), Chapter("Patterns", PATTERNS), Chapter("Reference", REFERENCE))
PAGES = {page.name: page for chapter in CHAPTERS for page in chapter.pages}
FIRST = next(iter(PAGES))


def around(page: Page) -> tuple[Page | None, Page | None]:
    """Return the pages before and after a page."""
    pages = list(PAGES.values())
    place = pages.index(page)
    return (pages[place - 1] if place else None, pages[place + 1] if place + 1 < len(pages) else None)
