"""The share key of a page, which identifies its session and its user."""

from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

HEADER = "SSE-Share-Key"
OTHER_USER = "This page belongs to a different user than the one who is logged in. Reload it.\n"


def share_key(session: Any) -> str:
    """Return the key that the pages of one session share; its end identifies the user."""
    return _digest("session", session.session_key) + _user_part(session)


def refuse_other_user(request: HttpRequest) -> HttpResponse | None:
    """
    Return the response to a page of a user who is no longer logged in, None for other requests.

    Otherwise that page would show the new user's events. Requests without a share key are not refused.
    """
    key = request.headers.get(HEADER)
    if not key or not hasattr(request, "session"):
        return None
    # Each valid secret key, so that a new one refuses no page.
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if key.endswith(tuple(_user_part(request.session, secret) for secret in secrets)):
        return None
    return HttpResponse(OTHER_USER, status=409, content_type="text/plain", headers={"Cache-Control": "no-store"})


def _user_part(session: Any, secret: str | None = None) -> str:
    return _digest("user", session.get(SESSION_KEY), secret)


def _digest(kind: str, value: str | None, secret: str | None = None) -> str:
    salt = f"apps.sse.share_key.{kind}"
    return salted_hmac(salt, value or "", secret=secret, algorithm="sha256").hexdigest()[:16]
