"""Events that are compressed once for all clients, beside events that are not."""

import http.client
import random
import re
import statistics
import time
import zlib

from tests.servers import ROOT

from ..crowd import MARK, TIMEOUT_SECONDS, Crowd, Lost
from ..scenario import Bench, Figure, Figures, Goal, Scenario
from ..trial import DELIVERIES, Trial, paced

CLIENTS, EVENTS, RATE, BLOCKS = 1000, 10, 5, 4
GZIP = "Accept-Encoding: gzip"
WORDS = re.findall(r"[a-z]{2,}", (ROOT / "README.md").read_text())
# As apps/feed/templates/feed/_post.html.
POST = (ROOT / "bench" / "site" / "post.html").read_text()


class Probe:
    """One more client, which decompresses what it receives and counts the events."""

    def __init__(self, trial: Trial, path: str) -> None:
        server = trial.target.server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_SECONDS)
        headers = dict(header.split(": ", 1) for header in (GZIP, *trial.target.headers))
        self._connection.request("GET", path, headers=headers)
        self._response = self._connection.getresponse()
        if self._response.headers["Content-Encoding"] != "gzip":
            raise Lost("The stream is not compressed.")
        self._gzip = zlib.decompressobj(wbits=31)
        self._events = 0

    def wait(self, events: int) -> None:
        """Wait until so many events have come. Raises `Lost` if the server ends the stream."""
        while self._events < events:
            data = self._response.read1(1 << 16)
            if not data:
                raise Lost("The server ended the stream of the client that decompresses.")
            self._events += self._gzip.decompress(data).count(MARK.encode())

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


def measure(bench: Bench) -> Figures:
    """Publish blocks of events, in turn to clients with and without compression."""
    clients = bench.size(CLIENTS)
    blocks = 1 if bench.is_quick else BLOCKS
    with bench.trial() as trial, Crowd(bench.client, trial.target, "/zip/", (GZIP,)) as zipped:
        trial.meter.add_helpers(zipped.process)
        trial.grow(clients)
        zipped.grow(clients)
        probe = Probe(trial, "/zip/")
        time.sleep(1)
        pairs = []
        for number in range(blocks + 1):
            plain = block(trial, trial.crowd, None, None)
            pairs.append((*plain, *block(trial, zipped, "zip", probe, events=EVENTS * (number + 1))))
        probe.close()
    # The first block warms up.
    used, sent, _, sent_zipped = (statistics.median(each) for each in zip(*pairs[1:], strict=True))
    per = clients * EVENTS
    return {
        "plain": used * DELIVERIES / per,
        "cpu": statistics.median(pair[2] / pair[0] for pair in pairs[1:]),
        "bytes": sent / per,
        "zipped": sent_zipped / per,
        "times": sent / sent_zipped,
    }


def block(trial: Trial, crowd: Crowd, to: str | None, probe: Probe | None, events: int = 0) -> tuple[float, int]:
    """Publish a block of events; return the CPU seconds of the server, and the bytes that all clients received."""
    # The server may have closed the idle connection: open another one.
    trial.publisher.close()
    before, used = crowd.counts().bytes, trial.meter.cpu_seconds()
    with trial.meter.measuring_other_load():
        for number in paced(EVENTS, RATE):
            trial.publisher.send(post(number), to)
        if probe:
            probe.wait(events)
        received = all_bytes(crowd)
    return trial.meter.cpu_seconds() - used, received - before


def all_bytes(crowd: Crowd) -> int:
    """Return the number of bytes that the clients have received when it no longer grows."""
    before, now = -1, crowd.counts().bytes
    while now != before:
        time.sleep(0.2)
        before, now = now, crowd.counts().bytes
    return now


def post(number: int) -> dict[str, str]:
    """Return the data of an event with the HTML of a post; `MARK` is at its end."""
    text = " ".join(random.choice(WORDS) for _ in range(random.choice([6, 10, 14, 20, 30])))
    return {"html": POST.format(number=random.randrange(10**6), author=10 + number, text=text) + MARK}


SCENARIO = Scenario(
    name="compress",
    sentence="The HTML of posts for 1,000 clients at 5 events a second, with and without `sse_compress`, in "
    "turn: CPU seconds of the server per 100,000 deliveries, and bytes of a delivery.",
    systems=("ours",),
    figures={
        "plain": Figure("CPU s, plain", 2),
        "cpu": Figure("compressed, times", 2, {"ours": Goal(1.1)}),
        "bytes": Figure("bytes, plain", 0),
        "zipped": Figure("compressed", 0),
        "times": Figure("times fewer", 1, {"ours": Goal(1.8, at_least=True)}),
    },
    measure=measure,
    reference="",
)
