from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AppNameConfig(AppConfig):
    name = "apps.app_name"
    verbose_name = _("App title")
    default_auto_field = "django.db.models.BigAutoField"

    def figures(self, figure):
        """Return what the dashboard shows of this app."""
        return [figure(_("Items"), self.get_model("Item").objects, at="added_at")]

    def header_channels(self, user):
        """Return the channels whose events change the header of this user's pages."""
        from .items import channel_for

        return [f"{channel_for(user)}:count"]
