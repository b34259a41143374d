"""
The periodic check for changes of accounts, permissions and sessions that send no signal.

One thread of the process runs while streams are open. It checks a stream soon after its opening, and all
streams about once a minute.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from importlib import import_module
from itertools import batched
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections as databases
from django.db.models import CharField, Model, OuterRef, QuerySet, StringAgg, Subquery, Value
from django.db.models.functions import Cast
from django.utils import timezone

from ..databases import is_outage_known, release_connections
from ..stream import registry
from ..stream.registry import OpenConnection
from .identity import account_fields

CHECK_SECONDS = 60.0
# Streams that open within this time are checked together.
GATHER_SECONDS = 1.0
RETRY_SECONDS = 10.0
# The pause after a check, as a multiple of its duration.
PAUSE_FACTOR = 4
# Databases limit the parameters of a query.
KEYS_AT_ONCE = 10_000

# False in tests: the checking thread cannot see users that a test's transaction has not committed.
is_on: ContextVar[bool] = ContextVar("sse_access_check", default=True)

logger = logging.getLogger("apps.sse")


class AccessCheck:
    """Ends the streams whose user or session has changed since they opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._opened: deque[OpenConnection] = deque()
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._has_failed = False

    def add(self, stream: OpenConnection) -> None:
        """Check a stream soon, and periodically, if it belongs to a user or a session."""
        if not is_on.get() or (stream.client.fingerprint is None and not stream.client.session_key):
            return
        self._opened.append(stream)
        with self._lock:
            if self._thread is None:
                self._due = _next_time()
                self._thread = threading.Thread(target=self._run, name="sse-access-check", daemon=True)
                self._thread.start()
        self._wake.set()

    def check_soon(self) -> None:
        """Wake the thread to check all streams, before the next periodic check."""
        self._due = 0.0
        self._wake.set()

    def run_once(self) -> None:
        """Check the streams that opened since the last call, or all streams if that is due."""
        streams = set(registry.all_open())
        opened = streams.intersection(self._opened.popleft() for _ in range(len(self._opened)))
        try:
            if time.monotonic() < self._due:
                revoked = changed_accounts(opened)
            else:
                self._due = _next_time()
                revoked = changed_accounts(streams) | ended_sessions(streams)
            registry.end(revoked.__contains__, "access")
        except Exception as error:
            self._due = min(self._due, time.monotonic() + RETRY_SECONDS)
            if not (self._has_failed or is_outage_known()):
                text = "Users and sessions of open streams could not be checked (%s: %s). Trying again every %d s."
                logger.warning(text, type(error).__name__, error, RETRY_SECONDS)
            self._has_failed = True
        else:
            self._has_failed = False
        finally:
            release_connections()

    def _run(self) -> None:
        while self._is_needed():
            self._wake.wait(max(0.0, self._due - time.monotonic()))
            self._wake.clear()
            started = time.monotonic()
            self.run_once()
            time.sleep(max(GATHER_SECONDS, PAUSE_FACTOR * (time.monotonic() - started)))
        databases.close_all()

    def _is_needed(self) -> bool:
        with self._lock:
            if self._opened or registry.open_streams():
                return True
            self._thread = None
            return False


checker = AccessCheck()


def _next_time() -> float:
    return time.monotonic() + CHECK_SECONDS * random.uniform(0.75, 1)


def changed_accounts(streams: Collection[OpenConnection]) -> set[OpenConnection]:
    """
    Return the streams whose user was deleted or has changed.

    The first check of a stream notes its user's permissions.
    """
    signed_in = [stream for stream in streams if stream.client.fingerprint is not None]
    accounts = dict(_accounts({stream.client.user_pk for stream in signed_in})) if signed_in else {}
    changed = set()
    for stream in signed_in:
        fingerprint, permissions = accounts.get(stream.client.user_pk, (None, None))
        if stream.permissions is None:
            stream.permissions = permissions
        if (fingerprint, permissions) != (stream.client.fingerprint, stream.permissions):
            changed.add(stream)
    return changed


def ended_sessions(streams: Collection[OpenConnection]) -> set[OpenConnection]:
    """Return the streams whose session was deleted or has expired, if sessions are in the database."""
    with_session = [stream for stream in streams if stream.client.session_key]
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not with_session or not issubclass(store, SessionStore):
        return set()
    sessions = store.get_model_class().objects
    valid_keys: set[str] = set()
    for keys in batched({stream.client.session_key for stream in with_session}, KEYS_AT_ONCE):
        rows = sessions.filter(session_key__in=keys, expire_date__gt=timezone.now())
        valid_keys.update(rows.values_list("session_key", flat=True))
    return {stream for stream in with_session if stream.client.session_key not in valid_keys}


def _accounts(pks: set[Any]) -> Iterator[tuple[Any, tuple[int, int]]]:
    """Yield the primary key, the fingerprint and the hash of the permissions of each user that exists."""
    model = get_user_model()
    columns, permissions = account_fields(model), _permissions_of(model)
    users = model._base_manager.order_by()
    seen: dict[int, int] = {}
    for batch in batched(pks, KEYS_AT_ONCE):
        for pk, *row in users.filter(pk__in=batch).values_list("pk", *columns, *permissions):
            account, lists = row[: len(columns)], row[len(columns) :]
            # The lists of ids have no fixed order.
            permitted = hash(tuple(frozenset((ids or "").split(",")) for ids in lists))
            # Users with the same permissions share one integer.
            yield pk, (hash(tuple(account)), seen.setdefault(permitted, permitted))


def _permissions_of(model: type[Model]) -> list[Subquery]:
    """Return the expressions for a user's groups, its own permissions, and those of its groups."""
    fields: dict[str, Any] = {field.name: field for field in model._meta.many_to_many}
    found = [
        (fields[name], fields[name].m2m_field_name()) for name in ("groups", "user_permissions") if name in fields
    ]
    if "groups" in fields:
        of_group = fields["groups"].related_model._meta.get_field("permissions")
        found.append((of_group, f"{of_group.m2m_field_name()}__{fields['groups'].related_query_name()}"))
    return [_ids(field, user) for field, user in found]


def _ids(field: Any, user: str) -> Subquery:
    """Return the expression for a user's ids on the other side of a relation; `user` is its path to the user."""
    rows: QuerySet = field.remote_field.through.objects.filter(**{user: OuterRef("pk")}).order_by().values(user)
    listed = StringAgg(Cast(f"{field.m2m_reverse_field_name()}_id", CharField()), Value(","))
    return Subquery(rows.annotate(listed=listed).values("listed"))
