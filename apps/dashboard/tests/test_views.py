import pytest
from django.contrib.auth import get_user_model

PAGE, STREAM = "/dashboard/system/", "/api/dashboard/stream/"


@pytest.fixture
def visitor(db, client):
    """A client that is logged in, or not: `visitor(is_staff=True)`, `visitor()`."""

    def log_in(**values):
        if values:
            client.force_login(get_user_model().objects.create_user("ada", **values))
        return client

    return log_in


def test_a_public_dashboard_is_shown_to_everyone(visitor, settings):
    settings.DASHBOARD_PUBLIC = True
    assert visitor().get(PAGE).status_code == 200
    assert visitor().head(STREAM).status_code == 200


def test_a_dashboard_is_not_public_by_default(visitor, settings):
    del settings.DASHBOARD_PUBLIC
    assert visitor().get(STREAM).status_code == 403


@pytest.mark.parametrize(("user", "page", "stream"), [
    ({}, 302, 403),
    ({"is_staff": False}, 403, 403),
    ({"is_staff": True}, 200, 200),
    ({"is_staff": True, "is_active": False}, 302, 403),
])  # fmt: skip
def test_a_dashboard_that_is_not_public_is_for_staff(visitor, settings, user, page, stream):
    settings.DASHBOARD_PUBLIC = False
    assert visitor(**user).get(PAGE).status_code == page
    assert visitor().head(STREAM).status_code == stream


def test_a_visitor_is_redirected_to_the_login_and_back(visitor, settings):
    settings.DASHBOARD_PUBLIC = False
    assert visitor().get(PAGE).url == f"{settings.LOGIN_URL}?next={PAGE}"
