"""Input that the user model and the sign up form refuse."""

import pytest
from django.db import IntegrityError
from django.urls import reverse

from apps.accounts.models import User
from tests.fixtures import PASSWORD

pytestmark = pytest.mark.django_db


def test_the_database_refuses_a_second_user_with_the_same_address(ada):
    with pytest.raises(IntegrityError):
        User.objects.create_user("ada2", "ADA@example.com")


def test_several_users_may_have_no_address(ada):
    User.objects.create_user("one")
    User.objects.create_user("two")
    assert User.objects.filter(email="").count() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("username", ""), ("username", "m" * 2**20), ("password1", "12345")],
    ids=["empty", "a megabyte", "weak"],
)
def test_an_invalid_form_creates_no_account(client, field, value):
    form = {"username": "mary", "email": "mary@example.com", "password1": PASSWORD, "password2": PASSWORD}
    form |= {"password1": value, "password2": value} if field == "password1" else {field: value}
    assert list(client.post(reverse("account_signup"), form).context["form"].errors) == [field]
    assert not User.objects.exists()
