"""What accounts do without a page: streams end with a factor, unused sign-ups are deleted, sites are configured."""

import sys
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed
from allauth.usersessions.models import UserSession
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.operations.environment import Environment
from apps.sse.testing import StreamClient

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("signal", [authenticator_added, authenticator_removed])
@pytest.mark.django_db(transaction=True)
def test_a_changed_second_factor_ends_the_streams_of_the_user(client, ada, signal):
    client.force_login(ada)
    with StreamClient(client).open(reverse("header-stream")) as stream:
        signal.send(sender=Authenticator, request=None, user=ada, authenticator=None)
        assert [event.name for event in stream.rest()] == []


def test_housekeeping_deletes_old_sign_ups_without_a_verified_address_and_ended_sessions(client, ada):
    long_ago = timezone.now() - timedelta(days=8)
    for name, verified in (("eve", False), ("mary", True)):
        user = User.objects.create_user(name, f"{name}@example.com", date_joined=long_ago)
        EmailAddress.objects.create(user=user, email=user.email, verified=verified)
    User.objects.create_user("staff", "staff@example.com", date_joined=long_ago)
    EmailAddress.objects.create(user=ada, email=ada.email)
    UserSession.objects.create(user=ada, ip="::", session_key="ended")
    call_command("housekeeping")
    assert {*User.objects.values_list("username", flat=True)} == {"ada", "mary", "staff"}
    assert not UserSession.objects.exists()


def test_the_login_of_another_site_needs_its_client_id_and_its_client(monkeypatch):
    assert Environment().logins() == ({}, [])
    monkeypatch.setenv("GITHUB_CLIENT_ID", "id")
    assert Environment().logins()[1] == ["https://github.com"]
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(ImproperlyConfigured, match=r"^GITHUB_CLIENT_ID is set.*make add"):
        Environment().logins()
