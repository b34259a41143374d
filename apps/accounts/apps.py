from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from . import checks  # noqa: F401 - registers them

    def figures(self, figure) -> list:
        """Return what the dashboard shows of the accounts."""
        return [figure(_("Sign-ups"), self.get_model("User").objects, at="date_joined")]
