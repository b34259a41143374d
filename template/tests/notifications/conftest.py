"""A user's browser and inbox."""

import pytest


@pytest.fixture
def reader(client, ada):
    """A browser in which ada is logged in."""
    client.force_login(ada)
    return client


@pytest.fixture
def told(ada, grace, django_capture_on_commit_callbacks):
    """Something that grace has told ada."""
    from apps.notifications.notify import notify  # apps are not ready when this file is loaded

    with django_capture_on_commit_callbacks(execute=True):
        return notify(ada, "mentioned you", actor=grace, text="Fish & chips?", url="/dashboard/")[0]
