from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.signals import post_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

UNVERIFIED = timedelta(days=7)


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from allauth.mfa.signals import authenticator_added, authenticator_removed

        from . import checks  # noqa: F401 - registers them

        post_delete.connect(delete_picture, sender=self.get_model("User"))
        for changed in (authenticator_added, authenticator_removed):
            changed.connect(end_streams)

    def daily(self) -> None:
        """Delete unverified sign-ups and ended sessions: called by `manage.py housekeeping`."""
        from allauth.usersessions.models import UserSession
        from django.contrib.sessions.models import Session

        joined_before = timezone.now() - UNVERIFIED
        unused = self.get_model("User").objects.filter(last_login=None, date_joined__lt=joined_before)
        # Accounts that staff or a command made have no such row.
        unused.filter(emailaddress__verified=False).exclude(emailaddress__verified=True).delete()
        if settings.SESSION_ENGINE.endswith("db"):
            UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()

    def header_channels(self, user) -> list[str]:
        """Return the channel of the name in the header."""
        return [f"account:{user.pk}"]

    def figures(self, figure) -> list:
        """Return what the dashboard shows of the accounts."""
        return [figure(_("Sign-ups"), self.get_model("User").objects, at="date_joined")]


def delete_picture(instance, **kwargs) -> None:
    """Delete the picture of a deleted user once that is certain."""
    if name := instance.picture.name:
        transaction.on_commit(lambda: default_storage.delete(name))


def end_streams(user, **kwargs) -> None:
    """End the streams of a user whose second factor has changed; the clients reconnect."""
    from apps.sse import close_streams

    close_streams(user=user)
