"""What an account owns, for its person: the rows that would be deleted with it."""

from typing import Any

from django.core import serializers
from django.db import models

# Of each model, the newest.
MAX_ROWS = 10_000
# Secrets are not data of a person, and whoever finds the file could log in with them.
SECRETS = {"accounts.user.password", "mfa.authenticator.data", "usersessions.usersession.session_key"}


def owned_by(user: models.Model) -> dict[str, Any]:
    """Return the account and, by model, its rows; `incomplete` names the models with more than `MAX_ROWS`."""
    found: dict[str, Any] = {"account": _fields([user])[0], "incomplete": []}
    for relation in user._meta.related_objects:
        if getattr(relation, "on_delete", None) is not models.CASCADE:
            continue
        model, owner = relation.related_model, relation.field.name
        rows = [*model._base_manager.filter(**{owner: user}).order_by("-pk")[: MAX_ROWS + 1]]
        if len(rows) > MAX_ROWS:
            found["incomplete"].append(model._meta.label_lower)
        found.setdefault(model._meta.label_lower, []).extend(_fields(rows[:MAX_ROWS]))
    return {name: rows for name, rows in found.items() if rows}


def _fields(rows: list) -> list[dict[str, Any]]:
    found = []
    for row in serializers.serialize("python", rows):
        fields = {name: value for name, value in row["fields"].items() if f"{row['model']}.{name}" not in SECRETS}
        found.append({"pk": row["pk"]} | fields)
    return found
