"""The page of this app and its streams."""

import pytest
from django.urls import reverse

from apps.sse.testing import StreamClient

from .. import items
from ..models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client, django_user_model):
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    return user


@pytest.fixture
def item(ada):
    return Item.objects.create(owner=ada, text="Fish & chips")


def test_a_visitor_is_redirected_to_log_in_and_gets_no_stream(client):
    page = client.get(reverse("app_name"))
    assert (page.status_code, page.url.partition("?")[0]) == (302, reverse("account_login"))
    assert client.get(reverse("app_name-stream")).status_code == 403


def test_users_see_and_change_their_own_items_and_staff_with_the_permission_all_items(
    client, item, admin_client, django_user_model
):
    assert "Fish &amp; chips" in client.get(reverse("app_name")).text
    assert "Fish &amp; chips" in admin_client.get(reverse("app_name")).text
    client.force_login(django_user_model.objects.create_user("grace"))
    assert "Fish &amp; chips" not in client.get(reverse("app_name")).text
    client.post(reverse("app_name-remove", args=[item.pk]))
    assert Item.objects.get() == item


def test_a_button_of_a_removed_item_leads_to_the_list(client, item):
    for _ in range(2):
        answer = client.post(reverse("app_name-remove", args=[item.pk]))
        assert (answer.status_code, answer.url) == (302, reverse("app_name"))


def test_each_change_is_sent_only_to_users_who_may_see_it(
    client, ada, admin_user, django_user_model, django_capture_on_commit_callbacks
):
    grace = django_user_model.objects.create_user("grace")
    path = reverse("app_name-stream")
    with (
        StreamClient(client).open(path) as own,
        StreamClient().open(path, user=admin_user) as staff,
        StreamClient().open(path, user=grace) as others,
    ):
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("app_name"), {"text": "Fish & chips"})
            [item] = Item.objects.all()
            for act in ("finish", "remove"):
                client.post(reverse(f"app_name-{act}", args=[item.pk]))
        for stream in (own, staff):
            assert "Fish &amp; chips" in stream.assert_event("item").data["html"]
            assert stream.assert_event("html").data["mode"] == "outer"
            assert stream.assert_event("html").data["mode"] == "remove"
        others.assert_no_event()


def test_the_header_of_every_page_counts_the_open_items(client, item, django_capture_on_commit_callbacks):
    assert f'id="app_name-count" dj-sse="{reverse("header-stream")}"' in client.get("/").text
    with StreamClient(client).open(reverse("header-stream")) as stream:
        with django_capture_on_commit_callbacks(execute=True), items.changing():
            items.add(Item(owner=item.owner, text="One more"))
            items.finish(item)
        assert [stream.next().data, stream.next().data] == [2, 1]
