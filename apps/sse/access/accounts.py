"""
Compares the user and the session of a stream with their state when it opened.

A stream keeps only hashes of a user: of the password and flags, and of the groups and permissions.
"""

import functools
from collections.abc import Collection, Iterator
from importlib import import_module
from itertools import batched
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import CharField, Model, OuterRef, QuerySet, StringAgg, Subquery, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ..stream.registry import OpenConnection

ACCOUNT_FIELDS = ("password", "is_active", "is_staff", "is_superuser")
# Databases limit the parameters of a query.
KEYS_AT_ONCE = 10_000


def fingerprint_of(user: Any) -> int | None:
    """Return a hash of the account's current state, None for a visitor and for users of another model."""
    if getattr(user, "pk", None) is None or not isinstance(user, get_user_model()):
        return None
    return hash(tuple(getattr(user, name) for name in account_fields(get_user_model())))


@functools.cache
def account_fields(model: type[Model]) -> tuple[str, ...]:
    """Return those of `ACCOUNT_FIELDS` that a user model has."""
    names = {field.name for field in model._meta.concrete_fields}
    return tuple(name for name in ACCOUNT_FIELDS if name in names)


def session_hash(key: str) -> int:
    """Return the number that identifies a session where its key must not appear, 0 for no key."""
    return int.from_bytes(salted_hmac("apps.sse.session", key, algorithm="sha256").digest()[:7]) if key else 0


def session_model() -> Any:
    """Return the model of the stored sessions, or None if the session engine does not use the database."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return store.get_model_class() if issubclass(store, SessionStore) else None


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
    """Return the streams whose session in the database was deleted or has expired."""
    with_session = [stream for stream in streams if stream.client.session_key]
    if not with_session or (model := session_model()) is None:
        return set()
    valid_keys: set[str] = set()
    for keys in batched({stream.client.session_key for stream in with_session}, KEYS_AT_ONCE):
        rows = model.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
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
