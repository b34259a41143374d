from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from allauth.mfa.signals import authenticator_added, authenticator_removed

        from . import checks  # noqa: F401 - registers them

        for changed in (authenticator_added, authenticator_removed):
            changed.connect(end_streams)

    def header_channels(self, user) -> list[str]:
        """Return the channel of the name in the header."""
        return [f"account:{user.pk}"]


def end_streams(user, **kwargs) -> None:
    """End the streams of a user whose second factor has changed; the clients reconnect."""
    from apps.sse import close_streams

    close_streams(user=user)
