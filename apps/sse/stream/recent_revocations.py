"""
The endings of streams that requests which are still opening must not escape.

A request that began before an ending has read what was true before it. It holds the newest ending of
its beginning, from which all later ones are reached; once no request holds an earlier one, it is freed.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.http import HttpRequest

KEY = "apps.sse.revocation"


class Revocation:
    """An ending of all streams that match, for a reason, and the `next` one."""

    __slots__ = ("matches", "next", "reason")

    def __init__(self, matches: Callable[[Any], bool], reason: str) -> None:
        self.matches = matches
        self.reason = reason
        self.next: Revocation | None = None

    def later(self) -> "Iterator[Revocation]":
        """Yield those that came after this one."""
        revocation = self.next
        while revocation is not None:
            yield revocation
            revocation = revocation.next


class Beginning(NamedTuple):
    """When a request began, in seconds since the epoch, and the newest revocation of that moment."""

    at: float
    newest: Revocation

    @classmethod
    def now(cls) -> "Beginning":
        """Return that of a request that begins now."""
        return cls(time.time(), _newest)


_lock = threading.Lock()
_newest = Revocation(lambda stream: False, "")


def remember(matches: Callable[[Any], bool], reason: str) -> None:
    """Add one, which matches streams whose requests have begun and that are not open yet."""
    global _newest
    latest = Revocation(matches, reason)
    with _lock:
        _newest.next = latest
        _newest = latest


def note_beginning(environ: dict[str, Any] | None = None, scope: dict[str, Any] | None = None, **_: Any) -> None:
    """Note where a request of a server begins, before anything of it is read: connect it to `request_started`."""
    (scope if environ is None else environ).setdefault(KEY, Beginning.now())  # type: ignore[union-attr]


def note(request: HttpRequest) -> None:
    """Note it for a request that no server has announced."""
    _kept_by(request).setdefault(KEY, Beginning.now())


def take(request: HttpRequest) -> Beginning:
    """Return what was noted, and keep it no longer."""
    return _kept_by(request).pop(KEY, None) or Beginning.now()


def _kept_by(request: HttpRequest) -> dict[str, Any]:
    return getattr(request, "scope", request.META)
