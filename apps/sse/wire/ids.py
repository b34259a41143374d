"""The ids of requests, and the ids that each kind of view accepts."""

import re

from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest

from .events import CONTROL_PREFIX, Position, is_id

IdKind = type[int] | type[str] | type[Position]

# The id that a client sends after the end of a stream: the response is 204.
FINISHED = "sse:end"
LARGEST_INTEGER = 10**18 - 1

# Raised by `mount()` for an id that it cannot use: by `int()`, dates, fields of models, the database.
ID_ERRORS = (ValueError, OverflowError, ValidationError, DataError)

_INTEGER = re.compile(r"[0-9]{1,18}", re.ASCII)
_KINDS = {
    int: "whole numbers of at most 18 digits (`event_id = int`)",
    str: f"texts that do not begin with {CONTROL_PREFIX!r}",
    Position: "positions (`event_id = Position`)",
}


def sent_id(request: HttpRequest) -> str:
    """Return the `Last-Event-ID` of a request, or `?lastEventId=` if that header is absent."""
    sent = request.headers.get("Last-Event-ID")
    if sent is None:
        # `GET` would stay in memory with the stream.
        return request.GET.get("lastEventId", "") if request.META.get("QUERY_STRING") else ""
    # Servers decode headers as Latin-1. With surrogates in place of invalid UTF-8 the text is no valid id.
    return sent.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def is_integer(text: str) -> bool:
    """Return whether `text` is a plain integer of at most 18 digits."""
    return _INTEGER.fullmatch(text) is not None


def fits(text: str, kind: IdKind) -> bool:
    """Return whether `text` is an id for a view whose `event_id` is `kind`."""
    if kind is int:
        return is_integer(text)
    if kind is Position:
        return Position.parse(text) is not None
    return is_id(text) and not text.startswith(CONTROL_PREFIX)


def check_id(id: str | int, kind: IdKind) -> str | int:
    """Return `id`; raises `ValueError` if a view whose `event_id` is `kind` would refuse it in a request."""
    text = str(id)
    if is_id(text) and not fits(text, kind):
        raise ValueError(f"The id {text[:100]!r} is not valid for this view. Its ids must be {_KINDS[kind]}.")
    return id
