"""Limits: how many streams may be open, and how often one user may publish."""

import contextlib
import functools
import logging
import math
import random
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist

from ..conf import setting
from ..stream.registry import Client

RETRY_SECONDS = (5, 15)
WINDOW_SECONDS = 60
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

logger = logging.getLogger("apps.sse")


class Limit(NamedTuple):
    """
    A setting that limits the open streams of one process with the same `key`.

    `key` returns None or "" for clients that the limit does not concern. `status` and `reason` are the response to
    a client beyond the limit.
    """

    setting: str
    key: Callable[[Client], Any]
    status: int
    reason: str


LIMITS = (
    Limit("SSE_MAX_TOTAL", lambda client: "all", 503, "This server has reached its limit of open streams."),
    Limit("SSE_MAX_PER_ADDRESS", lambda c: c.address, 429, "Too many open streams from this address."),
    Limit("SSE_MAX_PER_USER", lambda client: client.user_pk, 429, "Too many open streams of this user."),
)


class ConnectionCounts:
    """The connections of this process, open or opening: `counts[setting][key]` for each of the `LIMITS`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._removed: deque[Client] = deque()
        self.counts: dict[str, Counter[Any]] = {limit.setting: Counter() for limit in LIMITS}

    def try_add(self, client: Client) -> Limit | None:
        """Count one more connection of a client; return the limit that it would exceed instead, if any."""
        # One lock around the check and the count, because a server may answer in many threads.
        with self._lock:
            if (exceeded := self.exceeded(client)) is None:
                self._change(client, 1)
        self._apply_removed()
        return exceeded

    def exceeded(self, client: Client) -> Limit | None:
        """Return the limit that one more connection of a client would exceed, if any."""
        return next((limit for limit in LIMITS if self._is_reached(limit, limit.key(client))), None)

    def remove(self, client: Client) -> None:
        """Count one connection less. A destructor may call this, also while its thread holds the lock."""
        self._removed.append(client)
        self._apply_removed()

    def _is_reached(self, limit: Limit, key: Any) -> bool:
        return key not in (None, "") and self.counts[limit.setting][key] >= (setting(limit.setting) or math.inf)

    def _apply_removed(self) -> None:
        # The holder of the lock checks again after it has released it.
        while self._removed and self._lock.acquire(blocking=False):
            try:
                if self._removed:
                    self._change(self._removed.popleft(), -1)
            finally:
                self._lock.release()

    def _change(self, client: Client, change: int) -> None:
        for limit in LIMITS:
            counter, key = self.counts[limit.setting], limit.key(client)
            counter[key] += change
            if not counter[key]:
                del counter[key]


connection_counts = ConnectionCounts()


def max_connections() -> int:
    """Return the maximum of its streams: `SSE_MAX_TOTAL`, or its limit of open files if that is lower."""
    total = setting("SSE_MAX_TOTAL") or sys.maxsize
    if sys.platform == "win32":
        return total
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return total if files == resource.RLIM_INFINITY else min(total, files)


def refuse(status: int, reason: str, seconds: int | None = None) -> HttpResponse:
    """Return a refusal that asks the client to retry after some `seconds`, random ones by default."""
    response = HttpResponse(f"{reason}\n", status=status, content_type="text/plain")
    # Random, so that refused clients do not all retry at the same moment.
    response.headers["Retry-After"] = str(seconds or random.randint(*RETRY_SECONDS))
    response.headers["Cache-Control"] = "no-store"
    return response


def rate_limited(view: Callable) -> Callable:
    """
    Decorate a synchronous view that publishes: a user who sends too many requests gets 429 and `Retry-After`.

    `SSE_MAX_PUBLISH_PER_MINUTE` is the limit. The template `429.html`, if it exists, is rendered with
    the `seconds` to wait. GET and HEAD requests do not count.
    """

    @functools.wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        seconds = 0 if request.method in SAFE_METHODS else retry_after(request.user)
        if not seconds:
            return view(request, *args, **kwargs)
        response = refuse(429, f"Too many requests. Try again in {seconds} seconds.")
        with contextlib.suppress(TemplateDoesNotExist):
            response = render(request, "429.html", {"seconds": seconds}, status=429)
        response.headers["Retry-After"] = str(seconds)
        return response

    return limited


def retry_after(user: Any) -> int:
    """
    Count an action of `user` that publishes; return 0 if it is allowed, or the seconds to wait.

    `SSE_MAX_PUBLISH_PER_MINUTE` limits the sum of these actions. They are counted in Django's cache, for
    all processes that share it.
    """
    limit, now = setting("SSE_MAX_PUBLISH_PER_MINUTE"), time.time()
    if not limit or user.pk is None:
        return 0
    if _increment(f"sse.rate.{user.pk}.{now // WINDOW_SECONDS:.0f}") <= limit:
        return 0
    return math.ceil(WINDOW_SECONDS - now % WINDOW_SECONDS)


def _increment(key: str) -> int:
    try:
        cache.add(key, 0, 2 * WINDOW_SECONDS)
        return cache.incr(key)
    except Exception:
        # Users can still publish while the cache fails.
        logger.warning("The cache does not respond, so no rate limit is applied.", exc_info=True)
        return 0
