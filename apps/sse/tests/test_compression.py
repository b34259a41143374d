"""Compressed streams: each event can be read at once, and is compressed once for clients that received the same."""

import random
import zlib

import pytest

from apps.sse.delivery.followers import message_of, send_to_all
from apps.sse.wire import compression
from apps.sse.wire.compression import HISTORY_BYTES, accepts_gzip, gzip_send
from apps.sse.wire.events import Event

from .playing import Playing
from .streams import WAYS, decode, fetch
from .test_views import Numbers, endless

GZIP = {"Accept-Encoding": "gzip, deflate, br, zstd"}
BROWSERS = [*GZIP.values(), "gzip", "GZIP;q=1.0", "br;q=1, gzip ; q=0.5", "gzip;q=0.01", "zstd,gzip"]


class Compressed(Numbers):
    sse_compress = True


class Client:
    """A client that decompresses what it is sent: `messages` as they were sent, `parts` of the body."""

    def __init__(self):
        self.messages, self.parts = [], []
        self.decoder = zlib.decompressobj(wbits=31)
        self._send = gzip_send(self._receive)

    def write(self, data, **options):
        self._send(message_of(data, **options))

    def _receive(self, message):
        self.messages.append(message)
        self.parts.append(self.decoder.decompress(message["body"]))


def html(number):
    """Return an event with the HTML of a post."""
    author = random.Random(number).choice(["ada", "grace", "hedy"])
    return (
        f'id: {number}\ndata: <article class="card post" id="post-{number}"><b>{author}</b> '
        f'<a class="post-edit" href="/feed/{number}/edit/">Edit<span class="visually-hidden"> this post</span></a>'
        f"<p>{random.Random(number).randbytes(20).hex()}</p></article>\n\n"
    ).encode()


@pytest.mark.parametrize("header", BROWSERS)
def test_gzip_is_accepted(header):
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header", ["", "identity", "br", "gzip;q=0", "gzip; q=0.000, br", "notgzip", "gzipped, br"]
)
def test_gzip_is_not_accepted(header):
    assert not accepts_gzip(header)


def test_each_message_is_decompressed_when_it_arrives():
    client, sent = Client(), [b": keepalive\n\n", *map(html, range(50)), b"x" * 300_000, b"id: 1-00000000\n\n"]
    for data in sent:
        client.write(data)
    assert client.parts == sent


def test_the_last_message_has_the_last_data():
    client = Client()
    for number in range(20):
        client.write(html(number))
    client.write(b"last", more_body=False)
    assert client.parts == [*map(html, range(20)), b"last"]
    assert [message["more_body"] for message in client.messages] == [True] * 20 + [False]


def test_a_client_that_joins_later_soon_gets_the_same_message_as_the_others():
    early, late = Client(), Client()
    events = [html(number) for number in range(60)]
    for data in events[:20]:
        early.write(data)
    late.write(b"retry: 3000\n\n")
    for data in events[20:]:
        early.write(data)
        late.write(data)
    assert late.parts[1:] == early.parts[20:] == events[20:]
    joined = HISTORY_BYTES // len(events[0]) + 2
    assert all(a is b for a, b in zip(early.messages[20 + joined :], late.messages[1 + joined :], strict=True))
    assert early.messages[20] is not late.messages[1]


def test_an_event_is_compressed_once_for_clients_that_received_the_same(monkeypatch):
    compressed = []
    monkeypatch.setattr(
        zlib, "compressobj", lambda make=zlib.compressobj, **how: compressed.append(1) or make(**how)
    )
    compression._cached.cache_clear()
    clients = [Client() for _ in range(50)]
    for number in range(10):
        for client in clients:
            client.write(html(number))
    assert len(compressed) == 10


def test_the_html_of_similar_events_becomes_at_least_five_times_smaller():
    client, events = (
        Client(),
        [html(number).replace(b"<p>", b"<p>" + b"A sentence. " * 20) for number in range(100)],
    )
    for data in events:
        client.write(data)
    assert sum(map(len, events)) > 5 * sum(len(message["body"]) for message in client.messages)


async def test_a_client_that_was_slow_gets_its_backlog_in_order():
    it = Playing()
    it.connection.wrap_send = gzip_send
    async with it:
        it.socket.fill()
        for number in range(5):
            it.connection.write(html(number))
        it.socket.drain()
        await it.connection.drain()
        it.connection.write(html(5))
        it.connection.end("age")
        await it.ended()
    received = unzip(it.socket.taken)
    assert received.startswith(b"".join(map(html, range(6))) + b"retry: ")


async def test_events_that_the_backlog_of_latest_drops_do_not_break_the_rest():
    it = Playing()
    it.connection.wrap_send = gzip_send
    async with it:
        it.connection.latest = True
        it.socket.fill()
        for number in range(5):
            send_to_all([it.connection], [Event(channel="a", name="value", text=str(number))])
        it.socket.drain()
        await it.connection.drain()
        it.connection.write(html(5))
        received = unzip(it.socket.taken)
        assert [event.data for event in decode(received.decode())][:2] == ["0", "4"]
        assert received.endswith(html(5))


def unzip(parts):
    # The opening, which `Playing` has cleared, may be the start of a repetition.
    decoder = zlib.decompressobj(-15, zdict=b"retry: 3000\n\n")
    return decoder.decompress(b"".join(parts))


@pytest.mark.parametrize("way", WAYS)
class TestResponses:
    def test_a_finished_stream_is_compressed_to_its_end(self, way):
        answer = fetch(way, Compressed.as_view(), headers=GZIP)
        assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding, Cookie")
        decoder = zlib.decompressobj(wbits=31)
        names = [event.event for event in decode(decoder.decompress(answer.body).decode())]
        assert names == ["number"] * 3 + ["sse:end"]

    def test_events_arrive_one_by_one(self, way):
        view, notes = endless(sse_compress=True)
        answer = fetch(
            way,
            view,
            headers=GZIP,
            until=lambda chunks: b"data: first\n\n" in zlib.decompressobj(wbits=31).decompress(b"".join(chunks)),
        )
        assert answer.headers["Content-Encoding"] == "gzip"
        assert notes == ["started", "finally"]

    @pytest.mark.parametrize("header", ["identity", "gzip;q=0"])
    def test_a_client_that_does_not_accept_gzip_gets_plain_text(self, way, header):
        answer = fetch(way, Compressed.as_view(), headers={"Accept-Encoding": header})
        assert "Content-Encoding" not in answer.headers
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert answer.names == ["number"] * 3 + ["sse:end"]

    def test_a_view_compresses_only_if_it_says_so(self, way):
        answer = fetch(way, Numbers.as_view(), headers=GZIP)
        assert "Content-Encoding" not in answer.headers
        assert answer.names == ["number"] * 3 + ["sse:end"]

    def test_a_head_request_has_the_same_headers(self, way):
        get, head = (fetch(way, Compressed.as_view(), method, headers=GZIP) for method in ("GET", "HEAD"))
        assert (dict(head.headers), head.body) == (dict(get.headers), b"")

    def test_djangos_middleware_does_not_compress_it_again(self, way):
        answer = fetch(
            way,
            Compressed.as_view(),
            headers=GZIP,
            middleware=["django.middleware.gzip.GZipMiddleware"],
        )
        assert b"event: sse:end" in zlib.decompressobj(wbits=31).decompress(answer.body)
