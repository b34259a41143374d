"""Where people start."""

import pytest
from django.apps import apps
from django.urls import reverse

from apps.sse.testing import StreamClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def private(settings):
    settings.DASHBOARD_PUBLIC = settings.GUIDE_PUBLIC = False


async def test_the_first_page_moves_every_second():
    async with StreamClient().open("/api/home/stream/") as stream:
        beats = [await stream.next() for _ in range(3)]
    assert {each.name for each in beats} == {"beat"}
    assert len({each.data["html"] for each in beats}) > 1


def test_a_visitor_is_told_what_this_is_and_where_to_go_next(client, settings):
    settings.DASHBOARD_PUBLIC = settings.GUIDE_PUBLIC = True
    page = client.get("/").content.decode()
    assert "Live Django pages, without WebSockets." in page
    assert '<span class="is-name">HomeStream</span>' in page
    assert ("Open the dashboard" in page) == apps.is_installed("apps.dashboard")
    assert ("Read the guide" in page) == apps.is_installed("apps.guide")


def test_a_visitor_is_led_to_no_page_that_is_not_public_and_can_log_in(client, private):
    page = client.get("/").content.decode()
    assert "/dashboard/" not in page
    assert "/guide/" not in page
    assert reverse("login") in page
    assert reverse("signup") in page
