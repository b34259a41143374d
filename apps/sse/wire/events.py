"""Events and their encoding as `text/event-stream`, after the HTML standard's chapter on server-sent events."""

import json
import re
import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.functional import Promise
from django.utils.safestring import SafeString

CLIENT_STATES = frozenset({"connected", "disconnected", "reconnecting", "reconnected", "error"})
CONTROL_PREFIX = "sse:"

_POSITION = re.compile(r"([0-9]{1,18})-([0-9a-f]{8})", re.ASCII)
_LINE_BREAKS = re.compile(r"[\r\n\0]")
_ID = re.compile(r"[^\x00-\x1f\x7f]{1,256}")


def sse_event(data: Any, event: str | None = None, id: str | int | None = None, retry: int | None = None) -> str:
    """
    Return one encoded event.

    The client decodes `data` to the same value: a string stays that string, a `SafeString` becomes
    `{"html": …}`, anything else is JSON by Django's encoder. `event` is the name. `id` becomes the client's
    `Last-Event-ID`; an empty one clears it. `retry` is the client's reconnection delay in milliseconds.

    Raises `ValueError` for NaN or infinite numbers, for line breaks or NUL in `event`, for an
    invalid `id` (see `is_id`) and for a negative `retry`; `TypeError` for data that JSON cannot
    represent.
    """
    fields = {
        "event": event if event is None else _one_line("event name", event),
        "id": id if id is None else _id(str(id)),
        "retry": retry if retry is None else _milliseconds(retry),
    }
    return _frame(fields, encode_data(data))


def sse_comment(text: str = "") -> str:
    """Return a comment, which clients ignore. Each line of `text` becomes a comment line."""
    lines = re.split(r"\r\n|\r|\n", _encodable("comment", text))
    return "".join(f": {line}\n" for line in lines) + "\n"


def sse_retry(milliseconds: int) -> str:
    """Return a frame that sets the client's reconnection delay and carries no event."""
    return f"retry: {_milliseconds(milliseconds)}\n\n"


def sse_id(id: str | int) -> str:
    """Return a frame that sets the client's `Last-Event-ID` and carries no event."""
    return f"id: {_id(str(id))}\n\n"


def encode_data(data: Any) -> str:
    """Return `data` as text that the client decodes to the same value."""
    if isinstance(data, Promise):
        data = str(data)
    if isinstance(data, SafeString):
        data = {"html": str(data)}
    if isinstance(data, str) and _decodes_to_itself(data):
        return data
    return _json(data)


def decode_data(text: str) -> Any:
    """Return the value that `encode_data` has encoded."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def check_event_name(name: str) -> str:
    """Return the name of an application's event; raises `ValueError` for line breaks and for reserved names."""
    if not isinstance(name, str) or not name or name == "*":
        raise ValueError(f"An event name must be a string other than '' and '*', not {name!r}.")
    if name in CLIENT_STATES or name.startswith(CONTROL_PREFIX):
        raise ValueError(
            f"The event name {name!r} is reserved for the client. Reserved are {', '.join(sorted(CLIENT_STATES))} "
            f"and names that begin with {CONTROL_PREFIX!r}."
        )
    return _one_line("event name", name)


def is_id(text: str) -> bool:
    """Return whether `text` is a valid `Last-Event-ID` header: 1 to 256 characters, no control characters."""
    return _ID.fullmatch(text) is not None and text == text.strip(" ") and _is_utf8(text)


class Position(NamedTuple):
    """
    A position in the event log: the `number` of an event and its random `tag`.

    On the wire it is `<number>-<tag>`. The tag detects a log that was wiped, restored or replaced.
    """

    number: int
    tag: str

    def __str__(self) -> str:
        return f"{self.number}-{self.tag}"

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """Return the position, or None if `text` is not one."""
        found = _POSITION.fullmatch(text)
        return cls(int(found[1]), found[2]) if found else None


@dataclass(frozen=True)
class Event:
    """
    A published event. `text` is its encoded data.

    `number` is 0 until the log assigns one. `sent_at` is the Unix time of its publication, in seconds. An
    event that is not `durable` has no id and is never replayed.
    """

    channel: str
    name: str
    text: str
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    sent_at: float = field(default_factory=time.time)
    durable: bool = True
    number: int = 0

    @property
    def data(self) -> Any:
        """The published data."""
        return decode_data(self.text)

    @property
    def position(self) -> Position:
        """The position in the log."""
        return Position(self.number, self.tag)

    @cached_property
    def frame(self) -> bytes:
        """The encoded event, which all clients share."""
        fields = {"event": self.name, "id": str(self.position) if self.durable else None}
        return _frame(fields, self.text).encode()


def _frame(fields: dict[str, Any], text: str) -> str:
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None)
    return head + "".join(f"data: {line}\n" for line in text.split("\n")) + "\n"


def _decodes_to_itself(text: str) -> bool:
    if "\r" in text or "\0" in text or not _is_utf8(text):
        return False
    try:
        # `int` raises ValueError for NaN and Infinity, which are not JSON.
        json.loads(text, parse_int=float, parse_constant=int)
    except RecursionError:
        return False
    except ValueError:
        return True
    return False


def _json(data: Any) -> str:
    options: dict[str, Any] = {"cls": DjangoJSONEncoder, "separators": (",", ":")}
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False, **options)
    except ValueError as error:
        raise ValueError(
            f"The event's data cannot be encoded as JSON ({error}). JSON has no NaN, no infinity and no "
            "circular references: send None or a string instead."
        ) from None
    except TypeError as error:
        raise TypeError(f"The event's data cannot be encoded as JSON: {error}.") from None
    return text if _is_utf8(text) else json.dumps(data, **options)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _encodable(what: str, text: str) -> str:
    if not isinstance(text, str) or not _is_utf8(text):
        raise ValueError(f"An SSE {what} must be a string that UTF-8 can encode, not {text!r}.")
    return text


def _one_line(what: str, text: str) -> str:
    if _LINE_BREAKS.search(_encodable(what, text)):
        raise ValueError(f"An SSE {what} must not contain CR, LF or NUL: {text!r}.")
    return text


def _id(text: str) -> str:
    if text and not is_id(text):
        raise ValueError(
            "Clients send an SSE id back in a header: it must have at most 256 characters, no control "
            f"characters and no spaces at either end, not {text[:300]!r}."
        )
    return text


def _milliseconds(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"retry must be a number of milliseconds, 0 or more, not {value!r}.")
    return value
