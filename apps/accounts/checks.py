"""A check of `check --deploy`: demo accounts are for development only."""

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from .models import User


@register(Tags.security, deploy=True)
def check_demo_accounts(**options: Any) -> list[CheckMessage]:
    """Return a warning if demo accounts exist and the database can be read."""
    try:
        names = [*User.demo_accounts().values_list("username", flat=True)]
    except DatabaseError:
        return []
    if not names:
        return []
    return [
        Warning(
            f"The database has demo accounts: {', '.join(names)}. They cannot log in without DEBUG.",
            hint="Delete them and their data: python manage.py demo_users --remove",
            id="accounts.W001",
        )
    ]
