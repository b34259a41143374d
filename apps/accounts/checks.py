"""A check of `check --deploy`: demo accounts are for development only."""

from contextlib import suppress
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from .models import User


@register(Tags.security, deploy=True)
def check_demo_accounts(**options: Any) -> list[CheckMessage]:
    """Return a warning if demo accounts exist and the database can be read."""
    with suppress(DatabaseError):
        if names := ", ".join(User.demo_accounts().values_list("username", flat=True)):
            text = f"The database has demo accounts: {names}. They cannot log in without DEBUG."
            hint = "Delete them and their data: python manage.py demo_users --remove"
            return [Warning(text, hint=hint, id="accounts.W001")]
    return []
