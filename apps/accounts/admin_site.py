"""The admin, without Trusted Types in its Content Security Policy: its jQuery does not support them."""

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.views.decorators.csp import csp_override

TRUSTED_TYPES = {"require-trusted-types-for", "trusted-types"}


class LiveAdminSite(AdminSite):
    """Django's admin, named after this site."""

    site_header = site_title = settings.SITE_NAME

    def admin_view(self, view, cacheable=False):
        policy = {name: value for name, value in settings.SECURE_CSP.items() if name not in TRUSTED_TYPES}
        return csp_override(policy)(super().admin_view(view, cacheable))


class LiveAdminConfig(AdminConfig):
    """Replaces `django.contrib.admin` in INSTALLED_APPS."""

    default_site = "apps.accounts.admin_site.LiveAdminSite"
