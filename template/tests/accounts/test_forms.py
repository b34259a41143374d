"""What the forms of accounts refuse, accounts that a command makes, and signing out."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user
from django.core.management import call_command
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.test_log_in import NEW_FORM, log_in, sign_up
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db


def test_logging_out_needs_a_post_request(client, ada):
    client.force_login(ada)
    assert "Are you sure" in client.get(reverse("account_logout")).text
    assert get_user(client) == ada
    page = client.post(reverse("account_logout"), follow=True)
    assert page.redirect_chain == [(reverse("home"), 302)]
    assert "You have signed out." in page.text
    assert not get_user(client).is_authenticated


def test_an_account_that_is_not_verified_cannot_log_in(client):
    sign_up(client)
    client.session.flush()
    assert log_in(client, login="mary").url == reverse("account_email_verification_sent")
    assert not get_user(client).is_authenticated


@pytest.mark.parametrize("email", ["", "root@example.com"])
def test_an_account_of_createsuperuser_logs_in_without_a_mail(client, mailoutbox, monkeypatch, email):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", username="root", email=email, verbosity=0)
    for _ in range(2):
        assert log_in(client, login="root").url == reverse("home")
        client.get(reverse("account_email"))
        client.post(reverse("account_logout"))
    assert not mailoutbox


def test_a_name_that_differs_only_in_case_is_taken(client, ada):
    assert list(sign_up(client, username="ADA").context["form"].errors) == ["username"]


def test_invalid_input_is_kept_with_an_error_at_its_field(client):
    page = sign_up(client, email="not an address", password2="another").text
    assert 'value="mary"' in page
    assert 'value="not an address"' in page
    assert 'id="id_email_error"' in page
    assert 'id="id_password2_error"' in page
    assert PASSWORD not in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("password2", "another"),
        ("username", "<script>alert(1)</script>"),
        ("username", "\u202eyram"),
    ],
)
def test_missing_and_misleading_input_is_refused(client, field, value):
    response = sign_up(client, **{field: value})
    assert list(response.context["form"].errors) == [field]
    assert "<script>alert" not in response.text
    assert not User.objects.exists()


def test_an_address_is_kept_in_lower_case(client, ada):
    ada.email = "Ada@Example.COM"
    ada.save()
    assert ada.email == "ada@example.com"
    assert not EmailAddress.objects.exists()


def test_changing_the_password_needs_the_old_one(client, ada):
    client.force_login(ada)
    page = client.post(reverse("account_change_password"), {"oldpassword": "wrong"} | NEW_FORM)
    assert 'id="id_oldpassword_error"' in page.text
