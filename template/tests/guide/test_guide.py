"""Edge cases of the guide's pages and examples."""

import pytest
from django.urls import reverse

from apps.guide.models import Order
from apps.guide.pages import PAGES
from apps.sse.testing import Refused, StreamClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(ada, client):
    client.force_login(ada)
    return ada


@pytest.mark.parametrize("name", ["views.py", "..", "%2e%2e%2fmanage.py"])
def test_an_unknown_page_is_not_found(client, name):
    assert client.get(f"/guide/{name}/").status_code == 404


def test_only_the_guide_is_marked_in_the_header_on_a_page_named_like_another_app(client, ada):
    header = client.get("/guide/feed/").text.partition("</header>")[0]
    assert header.count("aria-current") == 1
    assert f'href="{reverse("guide")}" aria-current' in header


def test_each_page_has_a_title_and_each_problem_commands_to_find_its_cause(client):
    for name, page in PAGES.items():
        assert f"<h1>{page.title}</h1>" in client.get(f"/guide/{name}/").text
    page = client.get("/guide/troubleshooting/").text
    assert page.count("<h3>Find the cause</h3>") == page.count('aria-label="Commands for: ') == 8


def test_a_published_line_is_escaped_and_limited(client, ada, django_capture_on_commit_callbacks):
    with StreamClient().open(reverse("guide-channel")) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("guide-publish-line"), {"text": "<script>" + "x" * 10_000})
        html = stream.next().data["html"]
    assert "&lt;script&gt;xxx" in html
    assert len(html) < 300


def test_an_unknown_colour_is_refused(client, ada):
    assert client.post(reverse("guide-switch"), {"colour": "red"}).status_code == 204
    assert client.post(reverse("guide-switch"), {"colour": "<b>"}).status_code == 400


@pytest.mark.parametrize(("server", "status"), [("busy", 503), ("forbidden", 403)])
def test_the_example_server_refuses_as_requested(server, status):
    with pytest.raises(Refused) as refused:
        StreamClient().open("/api/guide/states/stream/", query_params={"server": server}).__enter__()
    assert refused.value.status == status


def test_a_client_that_reconnects_receives_a_limited_number_of_missed_events():
    with StreamClient().open("/api/guide/resume/stream/", last_event_id="5") as stream:
        first = stream.next()
        assert first.data["missed"]
        assert int(first.id) > 1_000_000_000


def test_an_order_is_changed_by_its_user_only(client, ada, grace):
    order = Order.objects.create(user=grace)
    for action in ("ship", "remove"):
        assert client.post(reverse(f"guide-order-{action}", args=[order.pk])).status_code == 404
