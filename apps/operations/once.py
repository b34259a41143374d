"""Middleware: a form that is sent twice acts once, and two forms that create the same thing get an answer each."""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

# A form that is sent again after this time, in seconds, acts again.
KEEP_SECONDS = 60
WAIT_SECONDS = 10
POLL_SECONDS = 0.05
PENDING = "pending"
# PostgreSQL's unique_violation.
UNIQUE_STATE = "23505"
UNIQUE_IN_SQLITE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


class ActOnce:
    """
    Answers the same form, sent again, with the redirect of the first time; put it before the session's middleware.

    Django gives each form that it renders another CSRF token, so token, address and fields are equal only if one
    form was sent twice. An answer that is no redirect, such as a form with errors, is not kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = form_key(request)
        if not key:
            return self.get_response(request)
        try:
            kept = claim(key)
        except Exception:
            # The cache is away: better twice than not at all.
            return self.get_response(request)
        if kept == PENDING:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        if kept:
            return restore(kept)
        try:
            response = self.get_response(request)
        except BaseException:
            forget(key)
            raise
        if response.status_code in (302, 303):
            cookies = {name: dict(each) | {"value": each.value} for name, each in response.cookies.items()}
            with contextlib.suppress(Exception):
                cache.set(key, (response.status_code, response.headers["Location"], cookies), KEEP_SECONDS)
        else:
            forget(key)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """
        Run the view again if another request has just created what must be unique.

        A form checks for it and saves in two steps. The second time its check finds the other row, so that the
        answer is the one that a later request gets.
        """
        match = request.resolver_match
        if match is None or request.method != "POST" or not is_duplicate(error) or hasattr(request, "_ran_again"):
            return None
        vars(request)["_ran_again"] = True
        for files in request.FILES.lists():
            for file in files[1]:
                file.seek(0)
        return match.func(request, *match.args, **match.kwargs)


def claim(key: str) -> Any:
    """Return the kept answer to a form, `PENDING` if its request takes too long, None if there is none."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not cache.add(key, PENDING, KEEP_SECONDS):
        if (kept := cache.get(key, PENDING)) != PENDING or time.monotonic() > deadline:
            return kept
        time.sleep(POLL_SECONDS)
    return None


def forget(key: str) -> None:
    """Let the form act again."""
    with contextlib.suppress(Exception):
        cache.delete(key)


def is_duplicate(error: BaseException) -> bool:
    """Return whether an error means that a row breaks a unique constraint."""
    cause = error.__cause__
    if not isinstance(error, IntegrityError):
        return False
    return (
        getattr(cause, "sqlstate", None) == UNIQUE_STATE
        or getattr(cause, "sqlite_errorcode", None) in UNIQUE_IN_SQLITE
    )


def form_key(request: HttpRequest) -> str:
    """Return what only the same form of the same browser has, as a key of the cache; "" if it is no form."""
    if request.method != "POST" or not (request.content_type or "").startswith(
        ("multipart/", "application/x-www")
    ):
        return ""
    if "csrfmiddlewaretoken" not in request.POST:
        return ""
    files = [(name, file.name, file.size) for name, each in request.FILES.lists() for file in each]
    cookies = [request.COOKIES.get(name) for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)]
    parts = [request.get_full_path(), request.get_host(), sorted(request.POST.lists()), files, cookies]
    return "once:" + salted_hmac(__name__, repr(parts), algorithm="sha256").hexdigest()


def restore(kept: tuple[int, str, dict]) -> HttpResponse:
    """Return the redirect that was kept, with its cookies."""
    status, location, cookies = kept
    response = HttpResponse(status=status, headers={"Location": location})
    for name, attributes in cookies.items():
        response.cookies[name] = attributes["value"]
        for attribute, value in attributes.items():
            if attribute != "value":
                response.cookies[name][attribute] = value
    return response
