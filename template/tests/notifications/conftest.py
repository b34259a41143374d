"""A user's client and a notification."""

import pytest


@pytest.fixture
def reader(client, ada):
    """A client in which ada is logged in."""
    client.force_login(ada)
    return client


@pytest.fixture
def notification(ada, grace, django_capture_on_commit_callbacks):
    """A notification from grace to ada."""
    from apps.notifications.notify import notify  # apps are not ready when this file is loaded

    with django_capture_on_commit_callbacks(execute=True):
        return notify(ada, "mentioned you", actor=grace, text="Fish & chips?", url="/dashboard/")[0]
