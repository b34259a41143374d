"""Compressed streams on real servers: with curl, behind nginx, for clients that join late or are cut."""

import http.client
import json
import subprocess
import zlib
from contextlib import ExitStack

import httpx
import pytest

from apps.sse.tests.servers.streaming import events
from apps.sse.tests.streams import decode

PATH = "/compressed/?channel=news"
SERVERS = ["uvicorn", "gunicorn with threads"]


@pytest.fixture(params=["direct", "nginx"])
def address(request, streams, behind_nginx):
    """The address of a server of streams, which is nginx's in one of the cases."""
    with streams("uvicorn") as server, ExitStack() as stack:
        nginx = request.param == "nginx" and stack.enter_context(behind_nginx(server, changes=STREAMS))
        yield nginx or server.url


STREAMS = {"location ~ ^/api/(.+/)?(stream|progress)/$": "location ~ ^/compressed(finite)?/$"}


class Client:
    """A client that reads compressed bytes: `raw` as they came, `items` the numbers of the events."""

    def __init__(self, url, last_event_id=None):
        url = httpx.URL(url)
        self._connection = http.client.HTTPConnection(url.host, url.port, timeout=15)
        headers = {"Accept-Encoding": "gzip"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        self._connection.request("GET", url.raw_path.decode(), headers=headers)
        self._response = self._connection.getresponse()
        assert self._response.getheader("Content-Encoding") == "gzip"
        self._decoder = zlib.decompressobj(wbits=31)
        self.raw = self.text = b""

    def read(self, until):
        """Read until the text contains `until`."""
        while until not in self.text:
            data = self._response.read1(65536)
            assert data, self.text
            self.raw += data
            self.text += self._decoder.decompress(data)

    def close(self):
        self._response.close()
        self._connection.close()

    @property
    def items(self):
        return [json.loads(event.data)["n"] for event in self._events if event.event == "item"]

    @property
    def last_event_id(self):
        return [event.id for event in self._events if event.id][-1]

    @property
    def _events(self):
        return decode(self.text.decode())


def say(address, **options):
    httpx.get(f"{address}/say/", params={"channel": "news", **options}).raise_for_status()


def curl(*options):
    return subprocess.run(["curl", "--silent", "--show-error", *options], check=True, capture_output=True).stdout


def test_curl_decompresses_a_stream_to_its_end(address):
    text = curl("--compressed", f"{address}/compressedfinite/").decode()
    assert [event.event for event in decode(text)] == ["number"] * 3 + ["sse:end"]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_client_that_joins_late_soon_gets_the_same_bytes(streams, kind):
    with streams(kind) as server:
        early = Client(server.url + PATH)
        early.read(b"sse:open")
        for number in range(1, 4):
            say(server.url, first=number, size=2000)
            early.read(b'"n":%d' % number)
        late = Client(server.url + PATH)
        late.read(b"sse:open")
        for number in range(4, 8):
            say(server.url, first=number, size=2000)
            for client in (early, late):
                client.read(b'{"n":%d,' % number)
        assert (early.items, late.items) == ([1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 7])
        # The last event comes in the same block: it refers to nothing that only one of them has.
        assert early.raw[-30:] == late.raw[-30:]
        early.close()
        late.close()


def test_a_client_that_is_cut_gets_what_it_missed(address):
    first = Client(address + PATH)
    first.read(b"sse:open")
    say(address, count=3)
    first.read(b'"n":3')
    first.close()
    say(address, first=4, count=3)
    again = Client(address + PATH, last_event_id=first.last_event_id)
    again.read(b'"n":6')
    say(address, first=7)
    again.read(b'"n":7')
    assert (first.items, again.items) == ([1, 2, 3], [4, 5, 6, 7])
    again.close()


def test_a_client_that_does_not_accept_gzip_gets_plain_text(address):
    found = events(address, "/compressedfinite/", 3, **{"Accept-Encoding": "identity"})
    assert [event.data for event in found] == ["0", "1", "2"]
