"""Two users, and their inboxes."""

import pytest


@pytest.fixture(autouse=True)
def _fast_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ada(db, django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def grace(db, django_user_model):
    return django_user_model.objects.create_user("grace")


@pytest.fixture
def reader(client, ada):
    """A browser in which ada is logged in."""
    client.force_login(ada)
    return client


@pytest.fixture
def told(ada, grace, django_capture_on_commit_callbacks):
    """Something that grace has told ada."""
    from ..notify import notify  # apps are not ready when this file is loaded

    with django_capture_on_commit_callbacks(execute=True):
        return notify(ada, "mentioned you", actor=grace, text="Fish & chips?", url="/dashboard/")[0]
