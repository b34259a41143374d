"""Demo users, for development only."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.accounts.models import DEMO_PASSWORD, DemoHasher, User
from apps.dev.database import refuse_foreign_database

SUPERUSERS = {"admin"}
USERS = {"admin": 45, "ada": 30, "grace": 15}
"""The names, and the hours since they signed up."""


class Command(BaseCommand):
    help = "Creates the demo users that do not exist yet and prints their logins. Needs DEBUG."

    def add_arguments(self, parser):
        parser.add_argument("--remove", action="store_true", help="delete them and their data")

    def handle(self, *args: object, remove: bool, **options: object) -> None:
        if remove:
            return self.remove()
        if not settings.DEBUG:
            raise CommandError(
                "Demo users have a public password, so they need DEBUG. "
                "Set DEBUG=1, or create a real user with createsuperuser."
            )
        refuse_foreign_database()
        password = make_password(DEMO_PASSWORD, hasher=DemoHasher.algorithm)
        for name, hours in USERS.items():
            if User.objects.filter(username=name).exists():
                continue
            staff = dict.fromkeys(("is_staff", "is_superuser"), name in SUPERUSERS)
            values = {"password": password, "date_joined": timezone.now() - timedelta(hours=hours), **staff}
            user = User.objects.create(username=name, email=f"{name}@example.com", **values)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        self.stdout.write("Sign in as " + ", ".join(f"{name} / {DEMO_PASSWORD}" for name in USERS))

    def remove(self) -> None:
        names = [*User.demo_accounts().values_list("username", flat=True)]
        User.demo_accounts().delete()
        self.stdout.write(f"Deleted the demo accounts: {', '.join(names)}." if names else "No demo accounts.")
