"""The page of this app."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_everybody_may_see_the_page(client):
    response = client.get(reverse("app_name"))
    assert response.status_code == 200
    assert "<h1>App title</h1>" in response.text
