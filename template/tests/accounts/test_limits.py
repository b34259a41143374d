"""Limits against guessing passwords and against floods of mail."""

import pytest
from django.contrib.auth import get_user
from django.urls import reverse

from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limits(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "5/15m/ip,3/15m/key", "reset_password": "4/h/ip,2/h/key"}
    settings.FORWARDED_ALLOW_IPS = "*"


def log_in(client, login, password="wrong", address="198.51.100.1"):
    """Return "in", "wrong" or "locked"."""
    form = {"login": login, "password": password}
    page = client.post(reverse("account_login"), form, headers={"x-forwarded-for": address})
    if page.status_code == 302:
        return "in"
    return "locked" if "Too many failed login attempts." in page.text else "wrong"


def test_wrong_passwords_lock_the_name_for_this_address_only(client, ada):
    assert log_in(client, "ada", PASSWORD) == "in"
    client.logout()
    assert [log_in(client, "ada") for _ in range(4)] == ["wrong", "wrong", "wrong", "locked"]
    assert log_in(client, "ada", PASSWORD) == "locked", "the right password is refused, too"
    assert log_in(client, "ada", PASSWORD, "198.51.100.2") == "in"
    assert get_user(client) == ada


def test_wrong_passwords_for_many_names_lock_the_address_or_its_ipv6_network(client, ada):
    assert [log_in(client, f"name{n}", address=f"2001:db8::{n}") for n in range(6)] == ["wrong"] * 5 + ["locked"]
    assert log_in(client, "ada", PASSWORD, "2001:db8::9") == "locked"
    assert log_in(client, "ada", PASSWORD) == "in"


def test_resets_are_limited_for_each_account_and_for_each_address(client):
    def reset(email, address):
        headers = {"x-forwarded-for": address}
        return client.post(reverse("account_reset_password"), {"email": email}, headers=headers).status_code

    assert [reset("ada@example.com", f"198.51.100.{n}") for n in range(3)] == [302, 302, 429]
    assert [reset(f"a{n}@example.com", "198.51.100.9") for n in range(5)] == [302] * 4 + [429]
