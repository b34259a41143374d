"""The upgrade of a project that has users and open sessions."""

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(name):
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", name)])
    return executor.loader.project_state([("accounts", name)]).apps


def test_existing_users_log_in_with_their_address_and_their_sessions_stay(client, ada, grace):
    client.force_login(ada)
    session = client.session
    session["_auth_user_backend"] = "a.backend.of.the.earlier.version"
    session.save()
    password = ada.password
    try:
        users = migrate("0001_initial").get_model("accounts", "User").objects
        users.filter(pk=ada.pk).update(email="Ada@Example.com")
    finally:
        migrate("0002_profile")
    [address] = EmailAddress.objects.all()
    assert (address.user, address.email, address.verified, address.primary) == (ada, "ada@example.com", True, True)
    assert UserSession.objects.get().session_key == client.session.session_key
    assert get_user(client) == ada
    ada.refresh_from_db()
    assert (ada.email, ada.password) == ("ada@example.com", password)
    client.logout()
    answer = client.post(reverse("account_login"), {"login": "ADA@example.com", "password": PASSWORD})
    assert answer.url == reverse("home")
