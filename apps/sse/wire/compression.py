"""
gzip for streams: each event is compressed once for all clients that have received the same bytes before it.

Deflate can refer to what its receiver has already decompressed. Here it refers only to the last `HISTORY_BYTES` of
a stream. Clients with the same history get the same bytes, wherever their streams began: a client that joins
later has the same history as the others after a few events.
"""

import zlib
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

type Message = dict[str, Any]
type Send = Callable[[Message], Awaitable[None]]

HISTORY_BYTES = 4096
WINDOW_BITS, MEMORY_LEVEL = 13, 5
CACHED_MESSAGES = 64
# Larger data is the backlog of a single client.
MAX_CACHED_BYTES = 128 * 1024
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an `Accept-Encoding` header names gzip, with a quality above 0."""
    codings = dict(item.replace(" ", "").lower().partition(";q=")[::2] for item in accept_encoding.split(","))
    quality = codings.get("gzip", "0") or "1"
    return quality.strip("0.") != ""


def gzip_send(send: Send) -> Send:
    """
    Return an ASGI `send` that compresses the body of one response; each message can be decompressed at once.

    The end has no checksum, which costs time for each message and which clients do not require.
    """
    history: bytes | None = None

    def compress_and_send(message: Message) -> Awaitable[None]:
        nonlocal history
        data = message["body"]
        compressed, history = (_cached if len(data) <= MAX_CACHED_BYTES else _compressed)(history, data)
        return send(compressed if message["more_body"] else {**compressed, "more_body": False})

    return compress_and_send


def _compressed(history: bytes | None, data: bytes) -> tuple[Message, bytes]:
    """Return the message with `data` for clients with this history, None at the start, and their new history."""
    header = HEADER if history is None else b""
    history = history or b""
    compressor = zlib.compressobj(wbits=-WINDOW_BITS, memLevel=MEMORY_LEVEL, zdict=history)
    body = header + compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    message = {"type": "http.response.body", "body": body, "more_body": True}
    return message, (history + data)[-HISTORY_BYTES:]


_cached = lru_cache(CACHED_MESSAGES)(_compressed)
