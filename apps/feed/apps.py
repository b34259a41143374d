from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedConfig(AppConfig):
    name = "apps.feed"
    verbose_name = _("Feed")
    default_auto_field = "django.db.models.BigAutoField"
