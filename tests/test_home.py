"""Where people start."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def private(settings):
    settings.DASHBOARD_PUBLIC = False


def test_staff_start_at_the_dashboard(admin_client, private):
    assert admin_client.get("/").url == reverse("dashboard")


def test_everybody_starts_at_the_dashboard_where_it_is_public(client, settings):
    settings.DASHBOARD_PUBLIC = True
    assert client.get("/").url == reverse("dashboard")


def test_a_user_who_is_not_staff_starts_on_a_page_and_is_offered_no_forbidden_one(
    client, django_user_model, private
):
    client.force_login(django_user_model.objects.create_user("ada"))
    page = client.get("/").content.decode()
    assert "Welcome, ada" in page
    assert reverse("dashboard") not in page


def test_a_visitor_is_offered_to_log_in(client, private):
    page = client.get("/").content.decode()
    assert reverse("login") in page
    assert reverse("signup") in page
