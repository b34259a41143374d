from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GuideConfig(AppConfig):
    name = "apps.guide"
    verbose_name = _("Guide")

    def may_open(self, user) -> bool:
        """Return whether pages show this user the link to the app."""
        from .access import may_read

        return may_read(user)
