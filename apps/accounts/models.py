"""The user of this site: yours from the first migration, so that it can grow."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

EMAIL_TAKEN = _("A user with that email address already exists.")


class User(AbstractUser):
    """Django's own user, whose email address, if given, is nobody else's; add fields here."""

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_email_unique",
                violation_error_message=EMAIL_TAKEN,
            )
        ]
