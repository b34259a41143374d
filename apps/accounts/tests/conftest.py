"""The user that these tests log in."""

import pytest

PASSWORD = "a long enough secret 7"


@pytest.fixture
def password():
    """The password of `user`."""
    return PASSWORD


@pytest.fixture
def user(db, django_user_model):
    """A user named lin, who is not logged in."""
    return django_user_model.objects.create_user("lin", "lin@example.com", PASSWORD)


@pytest.fixture(autouse=True)
def fast_passwords(settings):
    """Hash passwords quickly, since none of these is a secret."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
