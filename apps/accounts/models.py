"""The user model, custom from the first migration, so that you can add fields."""

from django.contrib.auth.hashers import acheck_password, check_password
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from .hashers import DemoHasher, is_demo

EMAIL_TAKEN = _("A user with that email address already exists.")


class User(AbstractUser):
    """Django's user, with an optional unique email address. Add fields here."""

    class Meta(AbstractUser.Meta):
        indexes = [models.Index(fields=["date_joined"], name="accounts_user_joined")]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_email_unique",
                violation_error_message=EMAIL_TAKEN,
            )
        ]

    @classmethod
    def demo_accounts(cls) -> models.QuerySet:
        """Return the accounts that have a demo password."""
        return cls.objects.filter(password__startswith=f"{DemoHasher.algorithm}$")

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether a password is correct. Django's method would rehash a demo password as a real one."""
        if is_demo(self.password):
            return check_password(raw_password, self.password)
        return super().check_password(raw_password)

    async def acheck_password(self, raw_password: str | None) -> bool:
        """Do the same in async code."""
        if is_demo(self.password):
            return await acheck_password(raw_password, self.password)
        return await super().acheck_password(raw_password)
