"""Logging in and out, and signing up."""

import pytest
from django.contrib.auth import get_user
from django.urls import reverse

from apps.accounts.models import User
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db
OTHER_SITES = ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]


def log_in(client, password=PASSWORD, **changes):
    return client.post(reverse("login"), {"username": "ada", "password": password} | changes)


def sign_up(client, **changes):
    form = {"username": "mary", "email": "mary@example.com", "password1": PASSWORD, "password2": PASSWORD}
    return client.post(reverse("signup"), form | changes)


def test_logging_in_redirects_to_the_first_page(client, ada):
    assert log_in(client).url == reverse("home")
    assert get_user(client) == ada


def test_logging_in_redirects_back_to_the_page_that_required_it(client, ada):
    page = client.get(reverse("password_change"))
    assert page.url == reverse("login") + "?next=" + reverse("password_change")
    form = client.get(page.url)
    assert log_in(client, next=form.context["next"]).url == reverse("password_change")


@pytest.mark.parametrize("next_url", OTHER_SITES)
def test_logging_in_and_signing_up_never_redirect_to_another_site(client, ada, next_url):
    for name in ("login", "signup"):
        assert "evil.example" not in client.get(reverse(name), {"next": next_url}).text
    assert log_in(client, next=next_url).url == reverse("home")
    assert sign_up(client, next=next_url).url == reverse("home")


def test_a_wrong_password_shows_an_error_and_keeps_the_name(client, ada):
    page = log_in(client, "wrong").text
    assert 'value="ada"' in page
    assert 'class="errorlist nonfield"' in page
    assert not get_user(client).is_authenticated


def test_logging_out_needs_a_post_request(client, ada):
    client.force_login(ada)
    assert client.get(reverse("logout")).status_code == 405
    assert get_user(client) == ada
    page = client.post(reverse("logout"), follow=True)
    assert page.redirect_chain == [(reverse("home"), 302)]
    assert "You are logged out." in page.text
    assert not get_user(client).is_authenticated


def test_signing_up_creates_an_account_logs_it_in_and_redirects(client):
    assert sign_up(client, next="/accounts/password/").url == "/accounts/password/"
    user = get_user(client)
    assert (user.username, user.email, user.is_staff) == ("mary", "mary@example.com", False)


@pytest.mark.parametrize(
    ("field", "value"), [("username", "ADA"), ("email", "Ada@Example.com"), ("email", "ADA@example.com")]
)
def test_a_name_or_address_that_differs_only_in_case_is_taken(client, ada, field, value):
    errors = sign_up(client, **{field: value}).context["form"].errors
    assert list(errors) == [field]
    assert "already exists" in errors[field][0]


def test_invalid_input_is_kept_with_an_error_at_its_field(client):
    page = sign_up(client, email="not an address", password2="another").text
    assert 'value="mary"' in page
    assert 'value="not an address"' in page
    assert 'aria-describedby="id_email_helptext id_email_error"' in page
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
