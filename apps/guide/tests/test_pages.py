"""The pages of the guide, and who may do what on them."""

import re

import pytest
from django.urls import reverse

from apps.guide.contents import PAGES
from apps.guide.models import Order
from apps.guide.troubleshooting import TROUBLES
from apps.guide.urls import STREAMS
from apps.sse.testing import Refused, StreamClient

pytestmark = pytest.mark.django_db

PRIVATE = {"live-list", "mount", "notifications"}
SILENT = {"channel", "latest", "reset"}
ACTIONS = ["guide-say", "guide-switch", "guide-remind"]


@pytest.fixture
def ada(client, django_user_model):
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    return user


def address(name):
    return reverse("guide-page", args=[name])


@pytest.mark.parametrize("name", PAGES)
def test_each_page_shows_its_sources_with_copy_buttons_to_everyone(client, name):
    page = client.get(address(name)).text
    sources = PAGES[name].own_sources() + PAGES[name].more_sources()
    assert [source.path for source in sources if f"<code>{source.path}</code>" not in page] == []
    assert page.count("data-copy>") == len(sources)
    assert f"<h1>{PAGES[name].title}</h1>" in page


def test_the_side_bar_lists_all_pages_in_the_order_in_which_next_leads_through_them(client):
    order, page = [], client.get(reverse("guide")).text
    listed = re.findall(r'<li><a href="(/guide/[^"]+)"', page)
    while page:
        order.append(re.search(r'<a href="([^"]+)" aria-current="page">', page.partition("guide-contents")[2])[1])
        after = re.search(r'rel="next" href="([^"]+)"', page)
        page = after and client.get(after[1]).text
    assert order == listed == [address(name) for name in PAGES]


def test_only_the_guide_is_marked_in_the_header_on_a_page_named_like_another_app(client, ada):
    header = client.get(address("feed")).text.partition("</header>")[0]
    assert re.findall(r'<a href="([^"]+)" aria-current', header) == [reverse("guide")]


def test_each_trouble_has_a_command_that_finds_it(client):
    page = client.get(address("troubleshooting")).text
    assert all(trouble.commands for trouble in TROUBLES)
    assert page.count("manage.py sse_doctor") >= len(TROUBLES) - 1


@pytest.mark.parametrize("name", ["nothing", "views.py", "..", "%2e%2e%2fmanage.py"])
def test_a_page_that_is_none_is_not_found(client, name):
    assert client.get(f"/guide/{name}/").status_code == 404


@pytest.mark.parametrize("name", sorted(STREAMS.keys() - PRIVATE - SILENT))
def test_each_stream_says_something_to_everybody(name):
    with StreamClient().open(f"/api/guide/{name}/stream/") as stream:
        assert stream.next().name


@pytest.mark.parametrize(
    ("rights", "shown", "streamed"),
    [(None, 302, 403), ({}, 403, 403), ({"is_staff": True}, 200, 200)],
    ids=["a visitor", "a user", "staff"],
)
def test_a_guide_that_is_not_public_is_for_staff(client, settings, django_user_model, rights, shown, streamed):
    # Its default where DEBUG is off.
    settings.GUIDE_PUBLIC = False
    if rights is not None:
        client.force_login(django_user_model.objects.create_user("grace", **rights))
    addresses = [reverse("guide"), *map(address, PAGES)]
    assert {client.get(each).status_code for each in addresses} == {shown}
    streams = [reverse(f"guide-{name}") for name in STREAMS]
    assert {client.head(stream).status_code for stream in streams} == {streamed}
    allowed = shown == 200
    assert {client.post(reverse(name), {"colour": "red"}).status_code for name in ACTIONS} == {
        204 if allowed else 403
    }
    assert (reverse("guide") in client.get("/").text) == allowed


def test_a_guide_is_not_public_unless_it_is_said_to_be(client, settings):
    del settings.GUIDE_PUBLIC
    assert client.get(reverse("guide")).status_code == 302


@pytest.mark.parametrize("name", sorted(PRIVATE))
def test_a_stream_that_is_for_users_refuses_a_visitor(name):
    with pytest.raises(Refused) as refused:
        StreamClient().open(f"/api/guide/{name}/stream/").__enter__()
    assert refused.value.status == 403


def test_what_is_for_one_user_no_other_hears(client, ada, django_user_model, django_capture_on_commit_callbacks):
    grace = django_user_model.objects.create_user("grace")
    path = reverse("guide-notifications")
    with StreamClient().open(path, user=ada) as hers, StreamClient().open(path, user=grace) as other:
        with django_capture_on_commit_callbacks(execute=True):
            assert client.post(reverse("guide-remind")).status_code == 204
            assert client.post(reverse("guide-mark-read", args=[7])).status_code == 204
        assert hers.next().name == "notification"
        hers.assert_event("html", {"target": "#guide-notification-7 button", "html": "read", "mode": "outer"})
        other.assert_no_event()


def test_what_somebody_says_is_escaped_and_bounded(client, ada, django_capture_on_commit_callbacks):
    with StreamClient().open(reverse("guide-channel")) as stream:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("guide-say"), {"text": "<script>" + "x" * 10_000})
        html = stream.next().data["html"]
    assert "&lt;script&gt;xxx" in html
    assert len(html) < 300


def test_the_light_takes_its_colours_and_no_other(client, ada):
    assert client.post(reverse("guide-switch"), {"colour": "red"}).status_code == 204
    assert client.post(reverse("guide-switch"), {"colour": "<b>"}).status_code == 400


@pytest.mark.parametrize("name", ACTIONS)
def test_whoever_publishes_has_to_be_logged_in_and_to_post(client, name):
    assert client.post(reverse(name)).url.startswith(reverse("login"))


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_is_published_by_a_link(client, ada, name):
    assert client.get(reverse(name)).status_code == 405


@pytest.mark.parametrize(("server", "status"), [("busy", 503), ("forbidden", 403)])
def test_a_server_refuses_as_it_is_asked_to(server, status):
    with pytest.raises(Refused) as refused:
        StreamClient().open("/api/guide/states/stream/", query_params={"server": server}).__enter__()
    assert refused.value.status == status


def test_who_comes_back_is_given_what_was_missed_but_not_for_ever():
    with StreamClient().open("/api/guide/resume/stream/", last_event_id="5") as stream:
        first = stream.next()
        assert first.data["missed"]
        assert int(first.id) > 1_000_000_000


def test_each_change_of_the_list_is_sent_in_order_with_the_count(
    client, ada, django_user_model, django_capture_on_commit_callbacks
):
    path = reverse("guide-live-list")
    grace = django_user_model.objects.create_user("grace")
    with StreamClient(client).open(path) as stream, StreamClient().open(path, user=grace) as others:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("guide-order-place"))
            [order] = Order.objects.all()
            client.post(reverse("guide-order-both"))
            client.post(reverse("guide-order-ship", args=[order.pk]))
            client.post(reverse("guide-order-remove", args=[order.pk]))
        heard = [stream.next() for _ in range(9)]
        others.assert_no_event()
    names = [event.name for event in heard]
    assert names == ["order", "open", "order", "html", "open", "html", "open", "html", "open"]
    assert [event.data for event in heard if event.name == "open"] == [1, 1, 0, 0]
    client.force_login(grace)
    assert client.post(reverse("guide-order-remove", args=[Order.objects.get().pk])).status_code == 404
