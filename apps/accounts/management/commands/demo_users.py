"""Users to try the site with, on a developer's machine only."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User

PASSWORD = "demo"
EVERYTHING = {"is_staff": True, "is_superuser": True}
NOTHING: dict[str, bool] = {}
USERS = {"admin": EVERYTHING, "ada": NOTHING, "grace": NOTHING}


class Command(BaseCommand):
    help = _("Makes the demo users that are missing and prints their logins. Needs DEBUG.")

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "Demo users have a password that everybody knows, so they are made with DEBUG on only. "
                "Set DEBUG=1, or use createsuperuser to make a real user."
            )
        for username, rights in USERS.items():
            if not User.objects.filter(username=username).exists():
                User.objects.create_user(username, f"{username}@example.com", PASSWORD, **rights)
        self.stdout.write("Log in as " + ", ".join(f"{name} / {PASSWORD}" for name in USERS))
