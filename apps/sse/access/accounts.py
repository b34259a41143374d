"""
What a stream's user and session were when it was opened, and what has become of them since.

What is kept of a user is hashes: of the account's password and flags, and of what it is permitted.
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
# Databases take so many parameters at once.
KEYS_AT_ONCE = 10_000


def fingerprint_of(user: Any) -> int | None:
    """Return what an account is like at the moment, None for a visitor and for users of another model."""
    if getattr(user, "pk", None) is None or not isinstance(user, get_user_model()):
        return None
    return hash(tuple(getattr(user, name) for name in account_fields(get_user_model())))


@functools.cache
def account_fields(model: type[Model]) -> tuple[str, ...]:
    """Return the fields of a user model that say what an account is like, of those that Django's own has."""
    there = {field.name for field in model._meta.concrete_fields}
    return tuple(name for name in ACCOUNT_FIELDS if name in there)


def session_hash(key: str) -> int:
    """Return what stands for a session where its key must not be read, and 0 for no key."""
    return int.from_bytes(salted_hmac("apps.sse.session", key, algorithm="sha256").digest()[:7]) if key else 0


def session_model() -> Any:
    """Return the model of the stored sessions, or None if the session engine keeps them out of the database."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return store.get_model_class() if issubclass(store, SessionStore) else None


def changed_accounts(streams: Collection[OpenConnection]) -> set[OpenConnection]:
    """
    Return those of some streams whose user is gone, or no longer what it was.

    What a user is permitted is noted when a stream is looked at for the first time.
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


def lost_sessions(streams: Collection[OpenConnection]) -> set[OpenConnection]:
    """Return those of some streams whose session was deleted or has expired, as far as the database knows."""
    known = [stream for stream in streams if stream.client.session_key]
    if not known or (model := session_model()) is None:
        return set()
    alive: set[str] = set()
    for keys in batched({stream.client.session_key for stream in known}, KEYS_AT_ONCE):
        valid = model.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        alive.update(valid.values_list("session_key", flat=True))
    return {stream for stream in known if stream.client.session_key not in alive}


def _accounts(pks: set[Any]) -> Iterator[tuple[Any, tuple[int, int]]]:
    """Yield the primary key of each user there is, what the account is like, and what it is permitted."""
    model = get_user_model()
    columns, permissions = account_fields(model), _permissions_of(model)
    users = model._base_manager.order_by()
    same: dict[int, int] = {}
    for some in batched(pks, KEYS_AT_ONCE):
        for pk, *row in users.filter(pk__in=some).values_list("pk", *columns, *permissions):
            account, lists = row[: len(columns)], row[len(columns) :]
            # The lists of ids are in no particular order.
            permitted = hash(tuple(frozenset((ids or "").split(",")) for ids in lists))
            # Most users are permitted the same: their streams share one number.
            yield pk, (hash(tuple(account)), same.setdefault(permitted, permitted))


def _permissions_of(model: type[Model]) -> list[Subquery]:
    """Return the expressions for a user's groups, its own permissions, and those of its groups."""
    there: dict[str, Any] = {field.name: field for field in model._meta.many_to_many}
    found = [
        (there[name], there[name].m2m_field_name()) for name in ("groups", "user_permissions") if name in there
    ]
    if "groups" in there:
        of_group = there["groups"].related_model._meta.get_field("permissions")
        found.append((of_group, f"{of_group.m2m_field_name()}__{there['groups'].related_query_name()}"))
    return [_ids(field, user) for field, user in found]


def _ids(field: Any, user: str) -> Subquery:
    """Return the expression for the ids on the other side of a relation, of which `user` leads to the user."""
    rows: QuerySet = field.remote_field.through.objects.filter(**{user: OuterRef("pk")}).order_by().values(user)
    listed = StringAgg(Cast(f"{field.m2m_reverse_field_name()}_id", CharField()), Value(","))
    return Subquery(rows.annotate(listed=listed).values("listed"))
