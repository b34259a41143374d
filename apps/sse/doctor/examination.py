"""The examination: what is looked at, in which order."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from statistics import median
from urllib.parse import urljoin, urlsplit

from django.db import Error
from django.urls import NoReverseMatch, reverse

from ..conf import setting
from ..publishing import publish
from ..stats import processes
from . import findings
from .findings import Finding
from .stream import HEADER, channel_of, make_token, scheme
from .wire import Ended, Frame, Stream, Unreachable, negotiated

PATIENCE_SECONDS = 5.0
TRIES = 3
# A client gives a stream up that says nothing for so many times its keepalive.
SILENCES = 2.5
BROWSER = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}


@dataclass
class Examination:
    """
    Looks at a site's streams from outside: `for finding in Examination(url).findings()`.

    `url` is the address of the site, or of one of its streams, which is looked at first then;
    `headers` go along with every request; `quick`: do not wait for a keepalive.
    """

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    quick: bool = False
    patience: float = PATIENCE_SECONDS

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, as it is found."""
        try:
            parts = urlsplit(self.url)
            yield findings.protocol(parts.scheme, negotiated(self.url) if parts.scheme == "https" else "")
            if parts.path.strip("/"):
                yield from self._examine(self.url)
            try:
                own = urljoin(self.url, reverse("sse-doctor"))
            except NoReverseMatch:
                yield findings.NOT_MOUNTED
            else:
                yield from self._examine_events(own, keepalive=not parts.path.strip("/"))
        except Unreachable as error:
            yield Finding("bad", str(error))

    def _examine(self, url: str) -> Iterator[Finding]:
        stream = yield from self._open(url, {})
        if stream is not None:
            with stream:
                yield from self._await_keepalive(stream)

    def _examine_events(self, url: str, *, keepalive: bool) -> Iterator[Finding]:
        token = make_token()
        stream = yield from self._open(url, {HEADER: token})
        if stream is None:
            return
        with stream:
            facts = self._event(stream, "server")
            if facts is None:
                yield findings.SILENT
                return
            told = json.loads(facts.data)
            yield findings.interface(told)
            yield from findings.proxies(told, urlsplit(url).scheme)
            yield self._round_trips(stream, channel_of(token), told["broker"])
            if keepalive:
                yield from self._await_keepalive(stream)
        with contextlib.suppress(Error):
            yield from findings.processes(Counter(processes.is_silent(row) for row in processes.rows()))

    def _open(self, url: str, own: dict[str, str]) -> Generator[Finding, None, Stream | None]:
        """Yield what is found about the beginning of a stream; return it if it flows, compressed or not."""
        headers = BROWSER | self.headers | own
        for coding in ("gzip", "identity"):
            stream = Stream(url, headers | {"Accept-Encoding": coding})
            with contextlib.suppress(Ended):
                answer = stream.answer(self.patience)
                if answer is not None and (found := self._not_a_stream(url, answer, own)):
                    stream.close()
                    yield found
                    return None
                if answer is not None and stream.frame(self.patience) is not None:
                    yield from self._begun(url, stream) if coding == "gzip" else [findings.COMPRESSED]
                    return stream
            stream.close()
        yield findings.BUFFERED if self._answers_head(url, headers) else findings.SILENT
        return None

    def _answers_head(self, url: str, headers: dict[str, str]) -> bool:
        with Stream(url, headers, method="HEAD") as stream:
            try:
                return stream.answer(self.patience) is not None
            except Ended:
                return False

    def _not_a_stream(self, url: str, answer, own: dict[str, str]) -> Finding | None:
        if own and answer.status == 404:
            return findings.NOT_MOUNTED
        if own and answer.status == 403:
            return findings.token_refused()
        return findings.status(urlsplit(url).path, answer, url)

    def _begun(self, url: str, stream: Stream) -> Iterator[Finding]:
        coding = stream.response.headers.get("Content-Encoding")
        how = f", compressed with {coding}" if coding else ""
        yield Finding("ok", f"{urlsplit(url).path} returns 200 with text/event-stream{how}.")
        yield findings.beginning(stream.began_after)
        if "SSE-Keepalive" not in stream.response.headers:
            yield findings.NO_KEEPALIVE_HEADER

    def _event(self, stream: Stream, name: str, data: str | None = None) -> Frame | None:
        deadline = time.monotonic() + self.patience
        try:
            while (frame := stream.frame(deadline - time.monotonic())) is not None:
                if frame.event == name and data in (None, frame.data):
                    return frame
        except Ended:
            pass
        return None

    def _round_trips(self, stream: Stream, channel: str, theirs: str) -> Finding:
        if self._event(stream, "listening") is None:
            return Finding("bad", "The server cannot read events from its broker.", "Check the server's log.")
        delays = []
        for number in range(TRIES):
            started = time.monotonic()
            try:
                publish(channel, "ping", number, durable=False)
            except Exception as error:
                return Finding("bad", f"This command cannot publish ({type(error).__name__}: {error}).")
            heard = self._event(stream, "ping", str(number))
            if heard is None:
                return findings.unheard(theirs, scheme(setting("SSE_BROKER_URL")))
            delays.append(heard.at - started)
        return findings.heard(median(delays), max(delays))

    def _await_keepalive(self, stream: Stream) -> Iterator[Finding]:
        told = stream.response.headers.get("SSE-Keepalive", "")
        if self.quick or not told:
            return
        longest = SILENCES * float(told)
        yield Finding("note", f"Waiting up to {longest:.0f} seconds for a keepalive. --quick skips this.")
        deadline = time.monotonic() + longest
        last = time.monotonic()
        try:
            while (frame := stream.frame(deadline - time.monotonic())) is not None:
                if frame.is_keepalive:
                    yield Finding("ok", f"A keepalive arrived after {frame.at - last:.1f} seconds of silence.")
                    return
                if frame.event == "sse:end":
                    yield Finding("note", "The stream ended before it needed a keepalive.")
                    return
                last = frame.at
        except Ended:
            yield findings.cut(time.monotonic() - last, told)
        else:
            yield findings.no_keepalive(time.monotonic() - last, float(told))
