"""The admin under this site's policy, but for Trusted Types, which the admin's jQuery does not know."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.views.decorators.csp import csp_override

TRUSTED_TYPES = {"require-trusted-types-for", "trusted-types"}


class LiveAdminSite(AdminSite):
    """Django's admin, named after this site."""

    site_header = site_title = settings.SITE_NAME

    def admin_view(self, view: Callable, cacheable: bool = False) -> Callable:
        policy = {name: value for name, value in settings.SECURE_CSP.items() if name not in TRUSTED_TYPES}
        return csp_override(policy)(super().admin_view(view, cacheable))


class LiveAdminConfig(AdminConfig):
    """Stands in INSTALLED_APPS where `django.contrib.admin` would."""

    default_site = "apps.accounts.admin_site.LiveAdminSite"
