from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AppNameConfig(AppConfig):
    name = "apps.app_name"
    verbose_name = _("App title")
    default_auto_field = "django.db.models.BigAutoField"
