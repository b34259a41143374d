"""The page of this app and its stream; tests/browser has the two of them together."""

import pytest
from django.urls import reverse

from apps.sse.testing import StreamClient

from ..models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


def test_who_is_not_logged_in_is_sent_to_log_in_and_hears_nothing(client):
    page = client.get(reverse("app_name"))
    assert (page.status_code, page.url.partition("?")[0]) == (302, reverse("login"))
    assert client.get(reverse("app_name-stream")).status_code == 403


def test_the_page_shows_what_there_is(client, ada):
    client.force_login(ada)
    Item.objects.create(text="Already there")
    assert "Already there" in client.get(reverse("app_name")).text


def test_what_is_added_is_heard(client, ada, django_capture_on_commit_callbacks):
    client.force_login(ada)
    with StreamClient(client).open(reverse("app_name-stream")) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("app_name"), {"text": "Fish & chips"})
        event = stream.assert_event("item")
    assert "Fish &amp; chips" in event.data["html"]
