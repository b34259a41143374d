"""The pages of the guide, their streams and actions, and access to them."""

import re

import pytest
from django.urls import reverse

from apps.guide.models import Order
from apps.guide.pages import PAGES
from apps.guide.sources import APPS, read
from apps.guide.urls import STREAMS
from apps.sse.testing import Refused, StreamClient

pytestmark = pytest.mark.django_db

PRIVATE = {"live-list", "mount", "notifications"}
SILENT = {"channel", "latest", "reset"}
ACTIONS = ["guide-publish-line", "guide-switch", "guide-remind"]


def address(name):
    return reverse("guide-page", args=[name])


@pytest.mark.parametrize("name", PAGES)
def test_each_page_shows_its_sources_with_copy_buttons(client, name):
    page, html = PAGES[name], client.get(address(name)).text
    sources = page.example_sources() + page.project_sources()
    assert [source.path for source in sources if f"<code>{source.path}</code>" not in html] == []
    assert html.count("data-copy>") == len(sources)
    assert not page.copy or len(page.example_sources()) >= 2
    installed = [name for name in (*page.sources, *page.in_project) if (APPS / name.split("/")[0]).is_dir()]
    assert [name for name in installed if not read(name)] == []


def test_one_class_or_function_is_shown_with_its_decorators():
    source = read("guide/examples/channel.py:publish_line")
    assert source.text.startswith("@login_required\n@require_POST\n@rate_limited\ndef publish_line(request):\n")
    assert source.text.endswith("return HttpResponse(status=204)\n")
    assert read("guide/views.py:Missing") is read("removed/views.py") is None


def test_next_leads_through_the_pages_in_the_order_of_the_side_bar(client):
    order, page = [], client.get(reverse("guide"), follow=True).text
    listed = re.findall(r'<li><a href="(/guide/[^"]+)"', page)
    while page:
        order.append(re.search(r'<a href="([^"]+)" aria-current="page">', page.partition("guide-contents")[2])[1])
        after = re.search(r'rel="next" href="([^"]+)"', page)
        page = after and client.get(after[1]).text
    assert order == listed == [address(name) for name in PAGES]
    assert client.get(address("nothing")).status_code == 404


@pytest.mark.parametrize("name", sorted(STREAMS.keys() - SILENT))
def test_each_stream_sends_an_event_or_refuses_visitors(name):
    opening = StreamClient().open(f"/api/guide/{name}/stream/")
    if name in PRIVATE:
        with pytest.raises(Refused, match="403"):
            opening.__enter__()
    else:
        with opening as stream:
            assert stream.next().name


@pytest.mark.parametrize(
    ("rights", "shown", "streamed"),
    [(None, 302, 403), ({}, 403, 403), ({"is_staff": True}, 200, 200)],
)
def test_a_guide_that_is_not_public_is_for_staff(client, settings, django_user_model, rights, shown, streamed):
    del settings.GUIDE_PUBLIC
    if rights is not None:
        client.force_login(django_user_model.objects.create_user("grace", **rights))
    assert {client.get(address(name)).status_code for name in PAGES} == {shown}
    assert {client.head(reverse(f"guide-{name}")).status_code for name in STREAMS} == {streamed}
    published = {client.post(reverse(name), {"colour": "red"}).status_code for name in ACTIONS}
    assert published == {204 if shown == 200 else 403}
    assert (reverse("guide") in client.get("/").text) == (shown == 200)


@pytest.mark.parametrize("name", ACTIONS)
def test_only_logged_in_users_publish_and_only_by_post(client, name, django_user_model):
    assert client.post(reverse(name)).url.startswith(reverse("account_login"))
    client.force_login(django_user_model.objects.create_user("grace"))
    assert client.get(reverse(name)).status_code == 405


def test_a_notification_reaches_its_user_only(client, ada, grace, django_capture_on_commit_callbacks):
    client.force_login(ada)
    path = reverse("guide-notifications")
    with StreamClient().open(path, user=ada) as own, StreamClient().open(path, user=grace) as other:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("guide-remind"))
            client.post(reverse("guide-mark-read", args=[7]))
        assert own.next().name == "notification"
        own.assert_event("html", {"target": "#guide-notification-7 button", "html": "read", "mode": "outer"})
        other.assert_no_event()


def test_each_change_of_the_list_is_sent_in_order_with_the_count(
    client, ada, grace, django_capture_on_commit_callbacks
):
    client.force_login(ada)
    path = reverse("guide-live-list")
    with StreamClient(client).open(path) as stream, StreamClient().open(path, user=grace) as others:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("guide-order-place"))
            [order] = Order.objects.all()
            client.post(reverse("guide-order-both"))
            client.post(reverse("guide-order-ship", args=[order.pk]))
            client.post(reverse("guide-order-remove", args=[order.pk]))
        received = [stream.next() for _ in range(9)]
        others.assert_no_event()
    names = [event.name for event in received]
    assert names == ["order", "open", "order", "html", "open", "html", "open", "html", "open"]
    assert [event.data for event in received if event.name == "open"] == [1, 1, 0, 0]
