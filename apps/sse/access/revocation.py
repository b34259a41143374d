"""Ends the streams of a user or a session in every process: by a call, and on Django's signals."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookies
from django.core.signals import request_started
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest

from ..delivery import control
from ..delivery.hub import get_hub
from ..stats.metrics import EndReason
from ..stream import registry
from ..stream.registry import OpenConnection
from ..wire.events import Event
from .access_check import checker
from .identity import account_fields, session_hash

# No request of this process is older.
STARTED_AT = time.time()
# Where a request's scope or environment has its start.
START_KEY = "apps.sse.started_at"

logger = logging.getLogger("apps.sse")


def close_streams(*, user: Any = None, session: str | None = None) -> None:
    """
    End the open streams of a user or of a session, in every process.

    `user` is the user or its primary key, `session` a session's key. Inside a transaction it takes effect at
    the commit. The clients reconnect after a moment, and the view decides again what they may see.

    Raises `TypeError` unless exactly one of the two is given.
    """
    pk = getattr(user, "pk", user)
    if (pk is None) == (session is None) or session == "":
        raise TypeError(
            "close_streams() needs either a saved user (or its primary key) or a session key: "
            f"close_streams(user=request.user), not user={user!r} and session={session and '…'!r}."
        )
    # A session key in the event log could be used to log in.
    target = {"user": str(pk)} if session is None else {"session": session_hash(session)}
    control.send("close", target)


async def aclose_streams(*, user: Any = None, session: str | None = None) -> None:
    """Like `close_streams`, for async code."""
    await sync_to_async(close_streams)(user=user, session=session)


def close_view(name: str) -> None:
    """
    End the open streams of a view in every process; `name` is that in `connections.all_open()`.

    Inside a transaction it takes effect at the commit.
    """
    control.send("close-view", {"view": name})


def note_start(environ: dict[str, Any] | None = None, scope: dict[str, Any] | None = None, **_: Any) -> None:
    """Note the start of a request, before any data is read for it; a receiver of `request_started`."""
    (scope if environ is None else environ).setdefault(START_KEY, time.time())  # type: ignore[union-attr]


def started_at(request: HttpRequest) -> float:
    """Return the Unix time when a request started: now, unless that was noted before."""
    return getattr(request, "scope", request.META).setdefault(START_KEY, time.time())


def connect_signals() -> None:
    """Receive the revocations of other processes, and Django's signals about users and sessions."""
    control.received.connect(_receive)
    control.lost.connect(_end_all)
    request_started.connect(note_start)
    registry.stream_opened.connect(_on_stream_opened)
    user_logged_in.connect(_logged_in)
    user_logged_out.connect(_logged_out)
    if apps.is_installed("django.contrib.auth"):
        _connect_users()


def _connect_users() -> None:
    user = get_user_model()
    for model in apps.get_models():
        if issubclass(model, user):
            pre_save.connect(_before_save, sender=model)
            post_save.connect(_saved, sender=model)
            post_delete.connect(_deleted, sender=model)
    for name in ("groups", "user_permissions"):
        if field := {field.name: field for field in user._meta.many_to_many}.get(name):
            m2m_changed.connect(_permissions_changed, sender=field.remote_field.through)
    group = apps.get_model("auth", "Group")
    m2m_changed.connect(_permissions_changed, sender=group.permissions.through)
    post_delete.connect(_permissions_changed, sender=group)


def _on_stream_opened(stream: OpenConnection, **_: Any) -> None:
    # On the loop of the stream, which under WSGI is not that of its view.
    get_hub().start_soon()
    checker.add(stream)


def _receive(event: Event, is_new: bool, **_: Any) -> None:
    """Handle a message; one that is not new ends only streams whose requests started before it was sent."""
    # A message of another version of this library may have another name.
    handle = {"close": _close, "close-view": _close_view, "check": _check}.get(event.name)
    if handle and (is_new or event.sent_at > STARTED_AT):
        handle(event.data, math.inf if is_new else event.sent_at)


def _end_all(reason: EndReason, **_: Any) -> None:
    """End all streams, because messages about them may be lost."""
    registry.get_registry().revoke(lambda _: True, reason)


def _close(data: dict[str, Any], before: float) -> None:
    def matches(stream: OpenConnection) -> bool:
        if "user" in data:
            return stream.client.user_pk == pk
        return stream.client.session_hash == data["session"]

    pk = get_user_model()._meta.pk.to_python(data["user"]) if "user" in data else None
    registry.get_registry().revoke(lambda stream: stream.opened_at < before and matches(stream), "access")


def _close_view(data: dict[str, Any], before: float) -> None:
    registry.get_registry().revoke(lambda s: s.opened_at < before and s.name == data["view"], "staff")


def _check(data: dict[str, Any], before: float) -> None:
    """Check all open streams. End the streams of users whose permissions are not known yet."""

    def is_unknown(stream: OpenConnection) -> bool:
        return stream.client.fingerprint is not None and stream.permissions is None

    registry.get_registry().revoke(lambda s: s.opened_at < before and is_unknown(s), "access")
    checker.check_soon()


def _logged_in(request: Any, **_: Any) -> None:
    """End the streams that were opened with the session's key before the login."""
    earlier = request.COOKIES.get(settings.SESSION_COOKIE_NAME) if request is not None else None
    if earlier and earlier != request.session.session_key:
        _call_or_log(close_streams, session=earlier)


def _logged_out(request: Any, user: Any, **_: Any) -> None:
    if isinstance(request.session, SignedCookies):
        # Such sessions of a user do not differ.
        if user is not None:
            _call_or_log(close_streams, user=user)
    elif request.session.session_key:
        _call_or_log(close_streams, session=request.session.session_key)


def _before_save(instance: Any, raw: bool, using: str, update_fields: Any, **_: Any) -> None:
    """Note on the instance whether this save changes its `ACCOUNT_FIELDS`."""
    names = [name for name in account_fields(get_user_model()) if update_fields is None or name in update_fields]
    instance._sse_changes = False
    if names and not raw and instance.pk is not None and not instance._state.adding:
        stored = get_user_model()._base_manager.using(using).filter(pk=instance.pk).values_list(*names).first()
        instance._sse_changes = stored != tuple(getattr(instance, name) for name in names)


def _saved(instance: Any, **_: Any) -> None:
    if instance.__dict__.pop("_sse_changes", False):
        _call_or_log(close_streams, user=instance)


def _deleted(instance: Any, **_: Any) -> None:
    _call_or_log(close_streams, user=instance)


def _permissions_changed(instance: Any, action: str = "post_delete", **_: Any) -> None:
    if not action.startswith("post_"):
        return
    if isinstance(instance, get_user_model()):
        _call_or_log(close_streams, user=instance)
    else:
        # A group or a permission, whose users are unknown.
        _call_or_log(control.send, "check", {})


def _call_or_log(revoke: Callable[..., object], *args: Any, **target: Any) -> None:
    """Call a function that revokes access; a logout or a save succeeds even if the broker fails."""
    try:
        revoke(*args, **target)
    except Exception:
        logger.exception("Streams could not be ended immediately. The next periodic check will end them.")
