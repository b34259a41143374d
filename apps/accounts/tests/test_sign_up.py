"""Signing up."""

import pytest
from django.contrib.auth import get_user
from django.db import IntegrityError
from django.urls import reverse

from apps.accounts.models import User

pytestmark = pytest.mark.django_db
FORM = {
    "username": "mary",
    "email": "mary@example.com",
    "password1": "a long enough secret 7",
    "password2": "a long enough secret 7",
}


def sign_up(client, **changes):
    return client.post(reverse("signup"), FORM | changes)


def test_signing_up_makes_an_account_and_logs_it_in(client):
    response = sign_up(client)
    assert response.status_code == 302
    assert response.url == reverse("home")
    user = get_user(client)
    assert (user.username, user.email) == ("mary", "mary@example.com")
    assert not user.is_staff


def test_signing_up_goes_on_to_the_page_that_was_asked_for(client):
    page = client.get(reverse("signup"), {"next": "/accounts/password/"})
    assert page.context["next"] == "/accounts/password/"
    assert sign_up(client, next="/accounts/password/").url == "/accounts/password/"


@pytest.mark.parametrize("next_url", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_up_never_leads_to_another_site(client, next_url):
    assert client.get(reverse("signup"), {"next": next_url}).context["next"] == ""
    assert sign_up(client, next=next_url).url == reverse("home")


def test_an_email_address_is_needed(client):
    response = sign_up(client, email="")
    assert response.context["form"].errors["email"] == ["This field is required."]
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("username", "LIN"), ("email", "Lin@Example.com"), ("email", "LIN@example.com")]
)
def test_a_name_or_address_that_differs_only_in_case_is_taken(client, user, field, value):
    response = sign_up(client, **{field: value})
    assert list(response.context["form"].errors) == [field]
    assert "already exists" in response.context["form"].errors[field][0]


def test_the_database_refuses_a_second_user_with_the_same_address(user):
    with pytest.raises(IntegrityError):
        User.objects.create_user("lin2", "LIN@example.com")


def test_users_without_an_address_do_not_clash(user):
    User.objects.create_user("one")
    User.objects.create_user("two")
    assert User.objects.filter(email="").count() == 2


def test_wrong_input_is_kept_and_explained_beside_the_field(client):
    page = sign_up(client, email="not an address", password2="another").content.decode()
    assert 'value="mary"' in page
    assert 'value="not an address"' in page
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_email_helptext id_email_error"' in page
    assert 'id="id_email_error"' in page
    assert 'id="id_password2_error"' in page
    assert FORM["password1"] not in page


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "\u202eyram", "", "m" * 2**20],
    ids=["a script", "right to left", "empty", "a megabyte"],
)
def test_a_name_that_could_mislead_is_refused_and_shown_as_text(client, name):
    response = sign_up(client, username=name)
    assert list(response.context["form"].errors) == ["username"]
    assert "<script>alert" not in response.text
    assert not User.objects.exists()


def test_a_weak_password_is_refused(client):
    assert "password2" in sign_up(client, password1="12345", password2="12345").context["form"].errors
