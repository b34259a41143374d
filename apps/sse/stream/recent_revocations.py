"""
The revocations that streams must not miss while they open.

A request that started before a revocation may have read outdated data. Revocations form a linked list.
Each request keeps the one that was newest when it started, and finds all later ones from there. Python
frees a revocation when no opening request keeps it or an earlier one.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.http import HttpRequest

from ..stats.metrics import EndReason

KEY = "apps.sse.request_start"


class Revocation:
    """An order to end all streams that match, with its reason, and the `next` such order."""

    __slots__ = ("matches", "next", "reason")

    def __init__(self, matches: Callable[[Any], bool], reason: EndReason) -> None:
        self.matches = matches
        self.reason = reason
        self.next: Revocation | None = None

    def later(self) -> "Iterator[Revocation]":
        """Yield the revocations after this one."""
        revocation = self.next
        while revocation is not None:
            yield revocation
            revocation = revocation.next


class RequestStart(NamedTuple):
    """When a request started, in seconds since the epoch, and the newest revocation at that moment."""

    at: float
    newest: Revocation

    @classmethod
    def now(cls) -> "RequestStart":
        """Return the start of a request that starts now."""
        return cls(time.time(), _newest)


_lock = threading.Lock()
_newest = Revocation(lambda stream: False, "access")


def add(matches: Callable[[Any], bool], reason: EndReason) -> None:
    """Add a revocation of the matching streams whose requests have started."""
    global _newest
    revocation = Revocation(matches, reason)
    with _lock:
        _newest.next = revocation
        _newest = revocation


def on_request_started(
    environ: dict[str, Any] | None = None, scope: dict[str, Any] | None = None, **_: Any
) -> None:
    """Note the start of a server's request before any data is read for it; a receiver of `request_started`."""
    (scope if environ is None else environ).setdefault(KEY, RequestStart.now())  # type: ignore[union-attr]


def ensure_start(request: HttpRequest) -> None:
    """Note the start of a request that sent no `request_started`."""
    _storage(request).setdefault(KEY, RequestStart.now())


def take_start(request: HttpRequest) -> RequestStart:
    """Remove and return the start that was noted."""
    return _storage(request).pop(KEY, None) or RequestStart.now()


def _storage(request: HttpRequest) -> dict[str, Any]:
    return getattr(request, "scope", request.META)
