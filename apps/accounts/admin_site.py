"""The admin: its login is the site's, and its Content Security Policy has no Trusted Types."""

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csp import csp_override

# jQuery does not support them.
TRUSTED_TYPES = {"require-trusted-types-for", "trusted-types"}


class LiveAdminSite(AdminSite):
    """Django's admin, named after this site."""

    site_header = site_title = settings.SITE_NAME

    def admin_view(self, view, cacheable=False):
        policy = {name: value for name, value in settings.SECURE_CSP.items() if name not in TRUSTED_TYPES}
        return csp_override(policy)(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Log in on the site's page, which asks for the second factor."""
        from allauth.account.decorators import secure_admin_login  # imports models

        return secure_admin_login(super().login)(request, extra_context)


class LiveAdminConfig(AdminConfig):
    """Replaces `django.contrib.admin` in INSTALLED_APPS."""

    default_site = "apps.accounts.admin_site.LiveAdminSite"
