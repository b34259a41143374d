"""The admin's login and its Content Security Policy."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from apps.accounts.admin_site import LiveAdminSite

pytestmark = pytest.mark.django_db


def test_the_admin_has_the_policy_of_the_site_without_trusted_types(rf, settings):
    request = rf.get(reverse("admin:index"))
    request.user = AnonymousUser()
    response = LiveAdminSite().admin_view(lambda request: None)(request)
    assert response.status_code == 302
    removed = settings.SECURE_CSP.keys() - response._csp_config.keys()
    assert removed == {"require-trusted-types-for", "trusted-types"}
    assert response._csp_config["script-src"] == settings.SECURE_CSP["script-src"]


def test_the_admin_has_the_login_of_the_site(client, ada):
    login = client.get(reverse("admin:index")).url
    assert client.get(login).url.startswith(f"{reverse('account_login')}?next=")
    client.force_login(ada)
    assert client.get(login).status_code == 403
