"""The user model, custom from the first migration, so that you can add fields."""

from functools import cache
from pathlib import PurePosixPath
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

PICTURES = "people/"
DEMO_PASSWORD = "demo"


class DemoHasher(PBKDF2PasswordHasher):
    """Listed in `PASSWORD_HASHERS` only with `DEBUG`: without it Django cannot verify demo passwords."""

    algorithm = "demo"
    iterations = 1


DEMO_PREFIX = f"{DemoHasher.algorithm}$"


def languages() -> list[tuple[str, str]]:
    """Return the languages to choose from: callable, so that adding one changes no migration."""
    return [*settings.LANGUAGES]


@cache
def time_zones() -> list[tuple[str, str]]:
    """Return the time zones to choose from."""
    return [(name, name.replace("_", " ")) for name in sorted(available_timezones())]


class User(AbstractUser):
    """Django's user, with an optional unique email address and a profile. Add fields here."""

    # With defaults of the database: the release before this one adds users while both run.
    picture = models.ImageField(_("picture"), upload_to=PICTURES, blank=True, default="", db_default="")
    language = models.CharField(
        _("language"), max_length=10, blank=True, choices=languages, default="", db_default=""
    )
    time_zone = models.CharField(
        _("time zone"), max_length=40, blank=True, choices=time_zones, default="", db_default=""
    )

    class Meta(AbstractUser.Meta):
        indexes = [models.Index(fields=["date_joined"], name="accounts_user_joined")]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_email_unique",
                violation_error_message=_("A user with that email address already exists."),
            )
        ]

    def save(self, *args, **kwargs) -> None:
        """Save; logins compare addresses in lower case."""
        self.email = self.email.lower()
        super().save(*args, **kwargs)

    @property
    def name(self) -> str:
        """The name that pages show: the full name if there is one."""
        return self.get_full_name() or self.username

    @property
    def picture_url(self) -> str:
        """The URL of the picture, for users."""
        return reverse("account_picture", args=[PurePosixPath(str(self.picture)).name])

    @classmethod
    def demo_accounts(cls) -> models.QuerySet:
        """Return the accounts that have a demo password."""
        return cls.objects.filter(password__startswith=DEMO_PREFIX)

    def set_password(self, raw_password: str | None) -> None:
        """Store a password. A demo password stays one, also when Django hashes it again at a login."""
        if raw_password != DEMO_PASSWORD or not self.password.startswith(DEMO_PREFIX):
            super().set_password(raw_password)
