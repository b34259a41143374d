from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedConfig(AppConfig):
    name = "apps.feed"
    verbose_name = _("Feed")
    default_auto_field = "django.db.models.BigAutoField"

    def live_figure(self) -> int:
        """Return the number of posts, for the first page."""
        return self.get_model("Post").objects.count()
