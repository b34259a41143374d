"""The first page."""

import re

import pytest
from django.apps import apps
from django.urls import reverse

from apps.sse.testing import StreamClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def private(settings):
    settings.DASHBOARD_PUBLIC = settings.GUIDE_PUBLIC = False


async def test_the_first_page_is_updated_every_second():
    async with StreamClient().open("/api/home/stream/") as stream:
        beats = [await stream.next() for _ in range(3)]
    assert {each.name for each in beats} == {"beat"}
    assert len({each.data["html"] for each in beats}) > 1


def test_a_visitor_learns_what_the_template_is_while_the_guide_is_open(client, settings):
    settings.DASHBOARD_PUBLIC = settings.GUIDE_PUBLIC = True
    page = client.get("/").text
    assert ("Open the dashboard" in page) == apps.is_installed("apps.dashboard")
    for text in (
        "Live Django pages, without WebSockets.",
        '<span class="is-name">HomeStream</span>',
        "Read the guide",
    ):
        assert (text in page) == apps.is_installed("apps.guide")


def test_a_visitor_learns_what_the_site_is_and_can_log_in_where_the_guide_is_not_open(client, private, settings):
    settings.SITE_NAME, settings.SITE_DESCRIPTION = "Acme", "Orders & deliveries of Acme."
    page = client.get("/").text
    assert "<h1>Acme</h1>" in page
    assert page.count("Orders &amp; deliveries of Acme.") == 2, "for visitors, and for sites that link to this one"
    assert re.findall("Django|/dashboard/|/guide/", page) == []
    assert reverse("account_login") in page
    assert reverse("account_signup") in page
