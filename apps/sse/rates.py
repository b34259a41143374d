"""How often one user may publish, so that no account pushes what others have published out of the log."""

import functools
import logging
import math
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist

from .conf import setting

WINDOW_SECONDS = 60
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

logger = logging.getLogger("apps.sse")


def rate_limited(view: Callable) -> Callable:
    """
    Decorate a synchronous view that publishes: a user who sends too many requests gets 429 and `Retry-After`.

    `SSE_MAX_PUBLISH_PER_MINUTE` is the limit. The template `429.html`, if it exists, is rendered with
    the `seconds` to wait. GET and HEAD requests do not count.
    """

    @functools.wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        seconds = 0 if request.method in SAFE_METHODS else retry_after(request.user)
        return _refusal(request, seconds) if seconds else view(request, *args, **kwargs)

    return limited


def retry_after(user: Any) -> int:
    """
    Count an action of `user` that publishes; return 0 if it is allowed, or the seconds to wait.

    `SSE_MAX_PUBLISH_PER_MINUTE` limits the sum of these actions. They are counted in Django's cache, for
    all processes that share it.
    """
    most, now = setting("SSE_MAX_PUBLISH_PER_MINUTE"), time.time()
    if not most or user.pk is None:
        return 0
    if _count(f"sse.rate.{user.pk}.{now // WINDOW_SECONDS:.0f}") <= most:
        return 0
    return math.ceil(WINDOW_SECONDS - now % WINDOW_SECONDS)


def _count(key: str) -> int:
    try:
        cache.add(key, 0, 2 * WINDOW_SECONDS)
        return cache.incr(key)
    except Exception:
        # People can post while the cache is away.
        logger.warning("The cache does not respond, so no rate limit is applied.", exc_info=True)
        return 0


def _refusal(request: HttpRequest, seconds: int) -> HttpResponse:
    try:
        response = render(request, "429.html", {"seconds": seconds}, status=429)
    except TemplateDoesNotExist:
        text = f"Too many requests. Try again in {seconds} seconds.\n"
        response = HttpResponse(text, status=429, content_type="text/plain")
    response.headers["Retry-After"] = str(seconds)
    return response
