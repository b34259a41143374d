"""The doctor's checks, in their order."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from django.db import Error
from django.urls import NoReverseMatch, reverse

from ..brokers import broker_name, get_broker
from ..models import Process
from ..publishing import publish
from ..stats import processes
from ..wire.parser import ReceivedEvent
from . import findings
from .client import Disconnected, StreamRequest, Unreachable, negotiated_protocol
from .findings import Finding
from .views import HEADER, channel_of, make_token

# The longest of each wait, except for a keepalive.
TIMEOUT_SECONDS = 5.0
# The browser client reconnects after this many keepalive intervals of silence.
MAX_MISSED_KEEPALIVES = 2.5
BROWSER_HEADERS = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}


@dataclass
class Diagnosis:
    """
    Checks a site's streams through their public URL: `for finding in Diagnosis(url).findings()`.

    `url` is the site's or that of a stream, which is then checked first. `headers` are sent with every
    request. `quick`: do not wait for a keepalive.
    """

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    quick: bool = False

    def findings(self) -> Iterator[Finding]:
        try:
            parts = urlsplit(self.url)
            yield findings.protocol(parts.scheme, negotiated_protocol(self.url))
            names_a_stream = bool(parts.path.strip("/"))
            if names_a_stream and (stream := (yield from self._open(self.url, {}))):
                with closing(stream):
                    yield from self._check_keepalive(stream)
            try:
                doctor_url = urljoin(self.url, reverse("sse-doctor"))
            except NoReverseMatch:
                yield findings.NOT_MOUNTED
            else:
                yield from self._check_delivery(doctor_url, keepalive=not names_a_stream)
        except Unreachable as error:
            yield Finding("bad", str(error))

    def _check_delivery(self, url: str, *, keepalive: bool) -> Iterator[Finding]:
        before = _rows()
        token = make_token()
        stream = yield from self._open(url, {HEADER: token})
        if stream is None:
            return
        with closing(stream):
            server = self._wait_for_event(stream, "server")
            if server is None:
                yield findings.NOTHING
                return
            yield findings.interface(server.data)
            yield from findings.proxies(server.data, urlsplit(url).scheme)
            yield (delivery := self._round_trip(stream, channel_of(token), server.data["broker"]))
            if keepalive and delivery.level == "ok":
                yield from self._check_keepalive(stream)
        log_memory = get_broker().memory_share() if delivery.level == "ok" else 0
        yield from findings.load(before, _rows(), log_memory)

    def _open(self, url: str, token: dict[str, str]) -> Generator[Finding, None, StreamRequest | None]:
        """Yield the findings on the response; return the stream if it arrives, with or without compression."""
        headers = BROWSER_HEADERS | self.headers | token
        for encoding in ("gzip", "identity"):
            started = time.monotonic()
            stream = StreamRequest(url, headers | {"Accept-Encoding": encoding})
            with suppress(Disconnected):
                response = stream.get_response(TIMEOUT_SECONDS)
                if response is not None and (finding := findings.refusal(url, response, bool(token))):
                    stream.close()
                    yield finding
                    return None
                if response is not None and stream.get_frame(TIMEOUT_SECONDS) is not None:
                    begun = findings.begun(url, response, stream.arrived_at - started)
                    yield begun if encoding == "gzip" else findings.COMPRESSED
                    return stream
            stream.close()
        yield findings.NOTHING
        return None

    def _wait_for_event(self, stream: StreamRequest, name: str) -> ReceivedEvent | None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with suppress(Disconnected):
            while (frame := stream.get_frame(deadline - time.monotonic())) is not None:
                if frame.event and frame.event.name == name:
                    return frame.event
        return None

    def _round_trip(self, stream: StreamRequest, channel: str, server_broker: str) -> Finding:
        if self._wait_for_event(stream, "listening") is None:
            return Finding("bad", "The server cannot read events from its broker.", "Check the server's log.")
        started = time.monotonic()
        try:
            publish(channel, "ping", None, durable=False)
        except Exception as error:
            return Finding("bad", f"This command cannot publish ({type(error).__name__}: {error}).")
        if self._wait_for_event(stream, "ping") is None:
            return findings.not_delivered(server_broker, broker_name())
        return findings.delivered(stream.arrived_at - started)

    def _check_keepalive(self, stream: StreamRequest) -> Iterator[Finding]:
        interval = stream.response.headers.get("SSE-Keepalive", "")
        if self.quick or not interval:
            return
        longest = MAX_MISSED_KEEPALIVES * float(interval)
        yield Finding("note", f"Waiting up to {longest:.0f} seconds for a keepalive. --quick skips this.")
        last = time.monotonic()
        deadline = last + longest
        try:
            while (frame := stream.get_frame(deadline - time.monotonic())) is not None:
                if frame.is_keepalive:
                    seconds = stream.arrived_at - last
                    yield Finding("ok", f"A keepalive arrived after {seconds:.1f} seconds of silence.")
                    return
                if frame.event and frame.event.name == "sse:end":
                    yield Finding("note", "The stream ended before it needed a keepalive.")
                    return
                last = stream.arrived_at
        except Disconnected:
            text = f"The stream was cut after {time.monotonic() - last:.1f} seconds of silence; "
            text += f"keepalives come every {interval} seconds."
            yield Finding("bad", text, findings.LONGER_TIMEOUT)
        else:
            if (silence := time.monotonic() - last) < 2 * float(interval):
                yield Finding("ok", "The stream is so busy that it needs no keepalives.")
            else:
                text = f"Nothing arrived for {silence:.0f} seconds, not even a keepalive."
                yield Finding("bad", text, findings.UNBUFFER)


def _rows() -> list[Process]:
    try:
        return [row for row in processes.rows() if not processes.is_silent(row)]
    except Error:
        return []
